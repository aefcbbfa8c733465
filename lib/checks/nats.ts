import { connect, isIP, type Socket } from 'node:net'
import { HealthCheck } from '../check.js'
import { clientRule, type ClientOption } from '../clients/client.js'
import { eitherRequirements, withEither, type Given, type Way } from '../clients/either.js'
import { Lines } from '../clients/lines.js'
import { ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { decodableUrl } from '../values/rules.js'
import type { CheckContext, OptionRules, RequirementsContext, RulesOf } from '../../types/check.js'

/** The part of a connection of nats.js that the check uses. */
export interface NatsLike {
  flush (): Promise<void>
}

/** The options. Exactly one of `client` and `url` must be given. */
export interface NatsOptions {
  /** A connection of nats.js: the name of a decorator (dots reach into it), a function of the app, or the connection itself. */
  client?: ClientOption<NatsLike>
  /** The URL, `nats://` or `tls://`, with a user and password or a token. The check opens a connection, and keeps it between runs. */
  url?: string
}

const natsPort = 4222

const way: Way<NatsLike, unknown, string> = {
  kind: {
    takes: 'a connection of nats.js',
    fits: value => typeof value === 'object' && value !== null && 'flush' in value && 'rtt' in value && 'isClosed' in value,
    hint: "Decorate it: app.decorate('nats', await connect(…)), or give the check a `url`.",
  },
  own: 'url',
  connect (_driver, given) {
    const url = new URL(given)
    const first = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port === '' ? natsPort : url.port) })
    const conversation = { socket: first, lines: new Lines(first, replyTo) }
    return {
      connected: greet(url, conversation).then(() => ({ flush: () => ping(conversation.lines, '') })),
      isLost: failure => failure !== undefined || conversation.lines.isLost,
      destroy: () => { for (const socket of [conversation.socket, first]) socket.destroy() },
    }
  },
}

interface Conversation {
  socket: Socket
  lines: Lines
}

// The server also sends pings, and news of its cluster.
function replyTo (line: string): string | undefined {
  if (line === 'PING') return 'PONG\r\n'
  return undefined
}

/** Logs in as described in https://docs.nats.io/reference/reference-protocols/nats-protocol. */
async function greet (url: URL, conversation: Conversation): Promise<void> {
  const info = await conversation.lines.ask()
  if (!info.startsWith('INFO {')) throw notNats(info)
  const { tls_required: needsTLS = false } = JSON.parse(info.slice('INFO '.length)) as { tls_required?: boolean }
  if (needsTLS || url.protocol === 'tls:') await secure(url, conversation)
  const [user, pass] = [decodeURIComponent(url.username), decodeURIComponent(url.password)]
  const access = user === '' ? {} : pass === '' ? { auth_token: user } : { user, pass }
  const options = { verbose: false, pedantic: false, lang: 'node', version: '1', protocol: 1, name: 'fastify-health', ...access }
  await ping(conversation.lines, `CONNECT ${JSON.stringify(options)}\r\n`)
}

async function secure ({ hostname }: URL, conversation: Conversation): Promise<void> {
  const tls = await import('node:tls')
  conversation.lines.release()
  const socket = tls.connect({
    socket: conversation.socket,
    ...(isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? { servername: hostname } : {}),
  })
  conversation.socket = socket
  conversation.lines = new Lines(socket, replyTo)
}

async function ping (lines: Lines, before: string): Promise<void> {
  let line = await lines.ask(`${before}PING\r\n`)
  while (line.startsWith('INFO ')) line = await lines.ask()
  if (line !== 'PONG') throw notNats(line)
}

function notNats (line: string): Error {
  const [, reason] = /^-ERR '(.*)'$/.exec(line) ?? []
  if (reason === undefined) return new ServiceReturnedUnexpectedResult('what answers does not speak NATS')
  if (/^(?:Authorization Violation|User Authentication |Account Authentication )/i.test(reason)) {
    return new ServiceUnavailable('authentication failed')
  }
  if (/^maximum (?:account )?(?:active )?connections exceeded/i.test(reason)) return new ServiceUnavailable('too many connections')
  return new ServiceUnavailable('connection lost', { cause: new Error(`-ERR ${reason}`) })
}

/** Passes if the server answers a flush. */
export class NatsCheck extends HealthCheck<NatsOptions> {
  static override readonly rules: OptionRules = {
    client: clientRule(way.kind),
    url: decodableUrl(['nats', 'tls']),
  } satisfies RulesOf<NatsOptions>

  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    return await eitherRequirements(way, this.#given(), context)
  }

  override async check (context: CheckContext) {
    await withEither(context, way, this.#given(), async client => await client.flush())
  }

  #given (): Given<NatsLike, string> {
    return { client: this.options.client, own: this.options.url }
  }
}

export default NatsCheck
