import type { Channel, ChannelModel } from 'amqplib'
import type { CheckContext, Requirement } from '../../types/check.js'
import { unavailable } from '../driver-errors.js'
import { ServiceUnavailable } from '../errors.js'
import { url } from '../rules.js'
import { abortable } from './abortable.js'
import { needsDriver } from './requirements.js'

/** Which broker. The connection is the checks' own: one for each URL, kept between runs. */
export interface AmqpSource {
  /** `amqp://` or `amqps://`. */
  url: string
}

export const amqpRules = {
  url: url(['amqp', 'amqps'], { required: true }),
}

export async function amqpRequirements (): Promise<Requirement[]> {
  return await needsDriver('amqplib')
}

/**
 * Lends a channel of the kept connection to `use`, and closes it afterwards. A connection that was lost is made anew; one that
 * the broker blocks because of an alarm is kept, since the broker says on it when the alarm is over.
 *
 * @throws what the broker refused the channel with: an error whose `code` is AMQP's reply code.
 */
export async function withChannel<T> (context: CheckContext, url: string, use: (channel: Channel) => Promise<T>): Promise<T> {
  const { kept, signal } = context
  const key = `amqp ${url}`
  const attempt = async (link: Link) => await abortable(signal, lend(link, use), () => {
    link.destroy()
    return kept.drop(key)
  })
  try {
    const link = await linkOf(context, key, url)
    const isProven = link.isProven
    try {
      return await attempt(link)
    } catch (error) {
      // It may have been lost since the last run, and that be noticed only now.
      if (!isProven || link.closedBy === undefined || signal.aborted) throw error
      return await attempt(await linkOf(context, key, url))
    }
  } catch (error) {
    throw unavailable(error)
  }
}

interface Link {
  readonly model: ChannelModel
  /** Gives up the socket, whatever hangs on it. */
  readonly destroy: () => void
  /** Whether a channel has been lent and closed. */
  isProven: boolean
  /** Why it is closed; `undefined` while it is open. */
  closedBy: Error | undefined
  /** The alarm because of which the broker takes no message; `undefined` while it takes them. */
  blockedBy: string | undefined
}

async function linkOf ({ kept, signal }: CheckContext, key: string, url: string): Promise<Link> {
  const open = async () => await connect(url, signal)
  const link = await kept.get(key, open, hangUp)
  if (link.closedBy === undefined) return link
  await kept.drop(key)
  return await kept.get(key, open, hangUp)
}

async function connect (url: string, signal: AbortSignal): Promise<Link> {
  const { connect } = await import('amqplib')
  const socket = new AbortController()
  // The options go on to the socket, which takes the signal.
  const options = { signal: socket.signal, noDelay: true, clientProperties: { connection_name: 'fastify-health' } }
  const connecting = connect(url, options)
  return await abortable(signal, connecting.then(model => watched(model, socket)), () => socket.abort())
}

function watched (model: ChannelModel, socket: AbortController): Link {
  const lost = () => new ServiceUnavailable('connection lost')
  const link: Link = {
    model,
    isProven: false,
    closedBy: undefined,
    blockedBy: undefined,
    destroy () {
      link.closedBy ??= lost()
      socket.abort()
    },
  }
  model.on('error', error => { link.closedBy ??= error })
  model.on('close', error => { link.closedBy ??= error ?? lost() })
  model.on('blocked', reason => { link.blockedBy = reason })
  model.on('unblocked', () => { link.blockedBy = undefined })
  return link
}

async function hangUp (link: Link): Promise<void> {
  if (link.closedBy === undefined) await closed(link)
  // The driver ends its half only, and waits for the other, which may be frozen.
  link.destroy()
}

async function closed ({ model, destroy }: Link): Promise<void> {
  const late = setTimeout(destroy, 250)
  // What close() returns never settles where the connection is lost meanwhile; the event comes in any case.
  await new Promise(resolve => {
    model.once('close', resolve)
    model.close().catch(() => {})
  })
  clearTimeout(late)
}

async function lend<T> (link: Link, use: (channel: Channel) => Promise<T>): Promise<T> {
  if (link.blockedBy !== undefined) throw blocked(link.blockedBy)
  try {
    const answer = await uninterrupted(link, onChannel(link, use))
    link.isProven = true
    return answer
  } catch (error) {
    throw link.closedBy ?? error
  }
}

// The driver leaves some requests unanswered for ever when the connection is lost; a broker that blocks answers none.
async function uninterrupted<T> ({ model }: Link, work: Promise<T>): Promise<T> {
  let onBlocked!: (reason: string) => void
  let onClose!: () => void
  const interrupted = new Promise<never>((_resolve, reject) => {
    onBlocked = reason => reject(blocked(reason))
    onClose = () => reject(new ServiceUnavailable('connection lost'))
  })
  model.on('blocked', onBlocked).on('close', onClose)
  work.catch(() => {})
  try {
    return await Promise.race([work, interrupted])
  } finally {
    model.off('blocked', onBlocked).off('close', onClose)
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

function refusalOf (error: Error & { code?: unknown }): Error {
  return error.code === accessRefused ? new ServiceUnavailable('permission denied', { cause: error }) : error
}

function blocked (reason: string): ServiceUnavailable {
  const scarce = ['memory', 'disk'].filter(resource => reason.includes(resource)).map(resource => `low on ${resource}`)
  return new ServiceUnavailable(['publishing is blocked by an alarm of the broker', ...scarce].join(': '))
}
