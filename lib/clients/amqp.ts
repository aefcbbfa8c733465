import type { Channel, ChannelModel } from 'amqplib'
import type { CheckContext, Requirement } from '../../types/check.js'
import { unavailable } from './driver-errors.js'
import { ServiceUnavailable } from '../errors.js'
import { url } from '../values/rules.js'
import { interruptionOf } from '../time/stop-signal.js'
import { SharedConnection, type Connection } from './shared-connection.js'
import { needsDriver, withoutDriver } from './requirements.js'
import { tlsMaterial } from './tls.js'

type GivenTLS = Parameters<typeof tlsMaterial>[0]

const driver = async () => await import('amqplib').catch(withoutDriver('amqplib'))

export const amqpRules = {
  url: url(['amqp', 'amqps'], { required: true }),
}

export async function amqpRequirements (): Promise<Requirement[]> {
  return await needsDriver('amqplib', driver)
}

/**
 * Lends a channel of the kept connection to `use`, and closes it afterwards. A connection that was lost is made anew; one that
 * the broker blocks because of an alarm is kept, since the broker says on it when the alarm is over.
 *
 * @throws what the broker refused the channel with: an error whose `code` is AMQP's reply code.
 */
export async function withChannel<T> (context: CheckContext, url: string, use: (channel: Channel) => Promise<T>, tls: GivenTLS = {}): Promise<T> {
  const signal = interruptionOf(context)
  try {
    const shared = await context.resources.get(`amqp ${url} ${JSON.stringify(tls)}`, () => new SharedConnection(() => connectionTo(url, tls)), shared => shared.close())
    return await shared.use(signal, async link => await withOwnChannel(link, async channel => {
      signal.throwIfAborted()
      return await use(channel)
    }))
  } catch (error) {
    throw unavailable(error)
  }
}

/** `undefined` where the broker knows no such queue or exchange. */
export async function unlessNotFound<T> (work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if ((error as { code?: unknown }).code === notFound) return undefined
    throw error
  }
}

interface Link {
  readonly model: ChannelModel
  /** Why it is closed; `undefined` while it is open. */
  closedBy: Error | undefined
  /** The alarm because of which the broker takes no message; `undefined` while it takes them. */
  blockedBy: string | undefined
  /** Whom to tell that it is closed or blocked. A listener for each of them would be a leak to Node, from the eleventh on. */
  readonly waiting: Set<(reason: Error) => void>
}

function connectionTo (url: string, tls: GivenTLS): Connection<Link> {
  const socket = new AbortController()
  const destroy = () => socket.abort()
  let link: Link | undefined
  const connected = connect(url, socket.signal, tls).then(model => (link = watched(model)))
  return {
    connected,
    isLost: () => link?.closedBy !== undefined,
    sayGoodbye: async () => await close((await connected).model, destroy),
    destroy,
  }
}

async function connect (url: string, signal: AbortSignal, tls: GivenTLS): Promise<ChannelModel> {
  const { connect, credentials: { plain } } = await driver()
  const login = loginOf(url)
  // They go on to the socket, which takes the signal.
  const options = { ...tlsMaterial(tls), ...login && { credentials: plain(...login) }, signal, noDelay: true, clientProperties: { connection_name: 'fastify-health' } }
  return await connect(url, options)
}

// The driver decodes byte by byte, which leaves of a letter beyond ASCII two others. What cannot be decoded is left to it.
function loginOf (url: string): [user: string, password: string] | undefined {
  const { username, password } = new URL(url)
  if (username === '' || password === '') return undefined
  try {
    return [decodeURIComponent(username), decodeURIComponent(password)]
  } catch {
    return undefined
  }
}

function watched (model: ChannelModel): Link {
  const link: Link = { model, closedBy: undefined, blockedBy: undefined, waiting: new Set() }
  const interrupt = (reason: Error) => { for (const tell of link.waiting) tell(reason) }
  model.on('error', error => { link.closedBy ??= error })
  model.on('close', error => {
    link.closedBy ??= error ?? new ServiceUnavailable('connection lost')
    interrupt(new ServiceUnavailable('connection lost'))
  })
  model.on('blocked', reason => {
    link.blockedBy = reason
    interrupt(blocked(reason))
  })
  model.on('unblocked', () => { link.blockedBy = undefined })
  return link
}

// A frozen broker answers no goodbye, and what close() returns never settles where the connection is lost meanwhile.
async function close (model: ChannelModel, destroy: () => void): Promise<void> {
  const late = setTimeout(destroy, 250)
  const closed = new Promise(resolve => { model.once('close', resolve) })
  model.close().catch(() => {})
  await closed
  clearTimeout(late)
}

async function withOwnChannel<T> (link: Link, use: (channel: Channel) => Promise<T>): Promise<T> {
  if (link.blockedBy !== undefined) throw blocked(link.blockedBy)
  try {
    return await uninterrupted(link, onChannel(link, use))
  } catch (error) {
    throw link.closedBy ?? error
  }
}

// The driver leaves some requests unanswered for ever when the connection is lost; a broker that blocks answers none.
async function uninterrupted<T> ({ waiting }: Link, work: Promise<T>): Promise<T> {
  let tell!: (reason: Error) => void
  const interrupted = new Promise<never>((_resolve, reject) => { tell = reject })
  waiting.add(tell)
  work.catch(() => {})
  try {
    return await Promise.race([work, interrupted])
  } finally {
    waiting.delete(tell)
  }
}

async function onChannel<T> ({ model }: Link, use: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await model.createChannel()
  let refusal: Error | undefined
  let isOpen = true
  channel.on('error', error => { refusal = error })
  channel.on('close', () => { isOpen = false })
  try {
    const answer = await use(channel)
    if (isOpen) await channel.close()
    if (refusal === undefined) return answer
  } catch (error) {
    refusal ??= error as Error
    if (isOpen) await channel.close()
  }
  throw refusalOf(refusal)
}

const accessRefused = 403
const notFound = 404

function refusalOf (error: Error & { code?: unknown }): Error {
  return error.code === accessRefused ? new ServiceUnavailable('permission denied', { cause: error }) : error
}

function blocked (reason: string): ServiceUnavailable {
  const scarce = ['memory', 'disk'].filter(resource => reason.includes(resource)).map(resource => `low on ${resource}`)
  return new ServiceUnavailable(['publishing is blocked by an alarm of the broker', ...scarce].join(': '))
}
