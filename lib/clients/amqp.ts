import type { ChannelModel, Channel } from 'amqplib'
import { lacking } from '../errors.js'
import { rule, url } from '../values/rules.js'
import { interruptionOf } from '../time/stop-signal.js'
import type { AmqpSource } from '../../types/sources.js'
import type { CheckContext, Requirement, RequirementsContext, RulesOf } from '../../types/check.js'
import { watched, watchedOfApp, withOwnChannel, type Link } from './amqp-channel.js'
import { clientRequirements, clientRule, withClient, type ClientKind } from './client.js'
import { unavailable } from './driver-errors.js'
import { moreThanOne, needsDriver, withoutDriver } from './requirements.js'
import { SharedConnection, type Connection } from './shared-connection.js'
import { tlsMaterial, tlsRequirements } from './tls.js'
import { untilConnected } from './until-connected.js'

type GivenTLS = Parameters<typeof tlsMaterial>[0]

/** The broker to connect to, and the certificates. */
export interface AmqpPlace extends AmqpSource {
  readonly tls?: GivenTLS
}

const driver = async () => await import('amqplib').catch(withoutDriver('amqplib'))

const broker = url(['amqp', 'amqps'])

const kind: ClientKind = {
  takes: 'a connection of amqplib or of amqp-connection-manager',
  fits: value => isModel(value) || isManager(value),
  hint: "Decorate the app with it: app.decorate('amqp', await connect(url)), or give the check a `url`.",
}

export const amqpRules = {
  url: broker,
  urls: rule(
    'a list of one URL or more that start with amqp:// or amqps://',
    value => Array.isArray(value) && value.length > 0 && value.every(broker.test),
    { secret: true }
  ),
  client: clientRule(kind),
} satisfies RulesOf<AmqpSource>

export async function amqpRequirements (place: AmqpPlace, context: RequirementsContext): Promise<Requirement[]> {
  const misgiven = faultOf(place)
  if (misgiven !== undefined) return [misgiven]
  if (place.client !== undefined) return await clientRequirements(context, { client: place.client, kind })
  return [...await needsDriver('amqplib', driver), ...await tlsRequirements(place.tls ?? {})]
}

function faultOf ({ url, urls, client, tls = {} }: AmqpPlace): Requirement | undefined {
  const hint = 'Give `client` for a connection of the app, or `url` or `urls` for one of its own.'
  if ((client ?? url ?? urls) === undefined) return { message: 'none of `client`, `url` and `urls` is given', hint }
  const [material] = client === undefined ? [] : Object.keys(tlsMaterial(tls))
  if (material !== undefined) {
    return {
      message: `\`${material}\` is given with \`client\``,
      hint: 'Leave it out: a connection of the app is made with certificates of its own.',
    }
  }
  return moreThanOne({ client, url, urls }, hint)
}

/**
 * Lends a channel of the connection to `use`, and closes it afterwards. A connection of the checks is kept, and replaced if it is lost. It
 * is also kept if the broker blocks it because of an alarm, since the broker reports the end of the alarm on it.
 *
 * @throws the error with which the broker refused the channel. Its `code` is the reply code of AMQP.
 */
export async function withChannel<T> (context: CheckContext, place: AmqpPlace, use: (channel: Channel) => Promise<T>): Promise<T> {
  const misgiven = faultOf(place)
  if (misgiven !== undefined) throw lacking([misgiven])
  const signal = interruptionOf(context)
  const onLink = (link: Link) => withOwnChannel(link, async channel => {
    signal.throwIfAborted()
    return await use(channel)
  })
  const { client, url, urls = [url as string], tls = {} } = place
  if (client !== undefined) {
    return await withClient(context, { client, kind }, async client => await onLink(await linkOfApp(client, context)))
  }
  try {
    const key = `amqp ${urls.join(' ')} ${JSON.stringify(tls)}`
    // Each host gets a share of the time, so that a host that does not answer leaves time for the others.
    const share = Math.ceil(context.timeout / urls.length)
    const shared = await context.resources.get(
      key,
      () => new SharedConnection(() => amqpConnection(urls, share, tls)),
      shared => shared.close()
    )
    return await shared.use(signal, onLink)
  } catch (error) {
    throw unavailable(error)
  }
}

const notFoundCode = 404

/** Returns the result of `work`, or `undefined` if the broker knows no such queue or exchange. */
export async function unlessNotFound<T> (work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if ((error as { code?: unknown }).code === notFoundCode) return undefined
    throw error
  }
}

/** The part of a connection of amqp-connection-manager that is used. It reconnects by itself. */
interface Manager {
  readonly connection: ChannelModel | undefined
  isConnected (): boolean
  on (event: 'connectFailed', listener: (failure: { err: Error }) => void): unknown
  off (event: 'connectFailed', listener: (failure: { err: Error }) => void): unknown
}

function isModel (value: unknown): value is ChannelModel {
  return typeof value === 'object' && value !== null && 'createChannel' in value && 'createConfirmChannel' in value
}

function isManager (value: unknown): value is Manager {
  return typeof value === 'object' && value !== null && 'isConnected' in value && 'createChannel' in value
}

async function linkOfApp (client: object, context: CheckContext): Promise<Link> {
  if (isModel(client)) return watchedOfApp(client)
  return watchedOfApp(await connectionOfManager(client as Manager, context))
}

/** Returns the connection of a manager, or throws the reason why it has none. */
async function connectionOfManager (manager: Manager, context: CheckContext): Promise<ChannelModel> {
  return await untilConnected(context, () => manager.isConnected() ? manager.connection : undefined, failed => {
    const onFailure = ({ err }: { err: unknown }) => failed(err)
    manager.on('connectFailed', onFailure)
    return () => manager.off('connectFailed', onFailure)
  })
}

function amqpConnection (urls: readonly string[], share: number, tls: GivenTLS): Connection<Link> {
  const socket = new AbortController()
  const destroy = () => socket.abort()
  let link: Link | undefined
  const connected = connectToAny(urls, share, socket.signal, tls).then(model => (link = watched(model)))
  return {
    connected,
    isLost: () => link?.closedBy !== undefined,
    sayGoodbye: async () => await close((await connected).model),
    destroy,
  }
}

/** Connects to the first broker that accepts the connection. */
async function connectToAny (urls: readonly string[], share: number, signal: AbortSignal, tls: GivenTLS): Promise<ChannelModel> {
  const { connect, credentials: { plain } } = await driver()
  const errors: unknown[] = []
  for (const url of urls) {
    const login = loginOf(url)
    // A socket that is given an aborted signal is destroyed, and then connects all the same.
    signal.throwIfAborted()
    // The driver passes these options to the socket, which takes the signal.
    const options = {
      ...tlsMaterial(tls),
      ...login && { credentials: plain(...login) },
      ...(urls.length > 1 && { timeout: share }),
      signal,
      noDelay: true,
      clientProperties: { connection_name: 'fastify-health' },
    }
    try {
      return await connect(url, options)
    } catch (error) {
      signal.throwIfAborted()
      errors.push(error)
    }
  }
  throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'No broker could be connected to')
}

// The driver decodes byte by byte, which makes two wrong letters of one that is not ASCII. If decoding fails here, the driver decodes.
function loginOf (url: string): [user: string, password: string] | undefined {
  const { username, password } = new URL(url)
  if (username === '' || password === '') return undefined
  try {
    return [decodeURIComponent(username), decodeURIComponent(password)]
  } catch {
    return undefined
  }
}

// The promise of `close()` never settles if the connection is lost meanwhile.
async function close (model: ChannelModel): Promise<void> {
  const closed = new Promise(resolve => { model.once('close', resolve) })
  model.close().catch(() => {})
  await closed
}
