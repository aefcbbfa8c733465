import type { Channel, ChannelModel } from 'amqplib'
import { ServiceUnavailable } from '../errors.js'

/** A connection to the broker, and its state. */
export interface Link {
  readonly model: ChannelModel
  /** The reason why the connection is closed. It is `undefined` while the connection is open. */
  closedBy: Error | undefined
  /** The alarm that makes the broker refuse messages. It is `undefined` while the broker accepts them. */
  blockedBy: string | undefined
  /** The runs that wait to hear that the connection is closed or blocked. Node.js warns of a leak above ten listeners of one event. */
  readonly waiting: Set<(reason: Error) => void>
}

/** Watches a connection that the checks opened. */
export function watched (model: ChannelModel): Link {
  const link = linkTo(model)
  model.on('error', error => { link.closedBy ??= error })
  return link
}

const linksOfApp = new WeakMap<ChannelModel, Link>()

/** Watches a connection of the app. It adds no listener for errors, since an error without a listener must still be thrown in the app. */
export function watchedOfApp (model: ChannelModel): Link {
  const link = linksOfApp.get(model) ?? linkTo(model)
  linksOfApp.set(model, link)
  return link
}

function linkTo (model: ChannelModel): Link {
  const link: Link = { model, closedBy: undefined, blockedBy: undefined, waiting: new Set() }
  const interrupt = (reason: Error) => { for (const tell of link.waiting) tell(reason) }
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

/** Lends a channel of the connection to `use`, and closes it afterwards. */
export async function withOwnChannel<T> (link: Link, use: (channel: Channel) => Promise<T>): Promise<T> {
  if (link.blockedBy !== undefined) throw blocked(link.blockedBy)
  try {
    return await uninterrupted(link, onChannel(link, use))
  } catch (error) {
    throw link.closedBy ?? error
  }
}

// When the connection is lost, the driver never answers some requests. A broker that blocks answers no request.
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
function refusalOf (error: Error & { code?: unknown }): Error {
  return error.code === accessRefused ? new ServiceUnavailable('permission denied', { cause: error }) : error
}

function blocked (reason: string): ServiceUnavailable {
  const scarce = ['memory', 'disk'].filter(resource => reason.includes(resource)).map(resource => `low on ${resource}`)
  return new ServiceUnavailable(['publishing is blocked by an alarm of the broker', ...scarce].join(': '))
}
