import { connect, type Socket } from 'node:net'
import { finished } from 'node:stream/promises'
import { lacking, ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { abortable } from '../time/abortable.js'
import { interruptionOf } from '../time/stop-signal.js'
import { within } from '../time/timeout.js'
import { decodableUrl } from '../values/rules.js'
import { clientRequirements, clientRule, withClient, type ClientKind, type ClientOption } from './client.js'
import { unavailable, wordsFor } from './driver-errors.js'
import { needsDriver, withoutDriver } from './requirements.js'
import { goodbyeTime } from './shared-connection.js'
import type { CheckContext, Requirement, RequirementsContext, RulesOf } from '../../types/check.js'

const driver = async () => await import('nodemailer').catch(withoutDriver('nodemailer'))

/** The part of a transporter of nodemailer that the check uses. */
export interface TransporterLike {
  verify (): Promise<unknown>
}

/** The server to ask. Exactly one of `transport` and `url` must be given. */
export interface SMTPSource {
  /** A transporter of nodemailer: the name of a decorator (dots reach into it), a function of the app, or the transporter itself. */
  transport?: ClientOption<TransporterLike>
  /** The URL of the server, `smtp://` or `smtps://`. Options of nodemailer, such as `requireTLS=true`, may follow after `?`. */
  url?: string
}

const kind: ClientKind = {
  takes: 'a transporter of nodemailer',
  option: 'transport',
  fits: value => typeof value === 'object' && value !== null && 'verify' in value && typeof value.verify === 'function',
  hint: "Decorate it: app.decorate('mailer', nodemailer.createTransport(…)), or give the check a `url`.",
}

export const smtpRules = {
  transport: clientRule(kind),
  url: decodableUrl(['smtp', 'smtps']),
} satisfies RulesOf<SMTPSource>

export async function smtpRequirements ({ transport, url }: SMTPSource, context: RequirementsContext): Promise<Requirement[]> {
  const misgiven = faultOf({ transport, url })
  if (misgiven !== undefined) return [misgiven]
  return transport === undefined ? await needsDriver('nodemailer', driver) : await clientRequirements(context, { client: transport, kind })
}

/** Connects, and logs in if there is a user. Nothing stays open, except in a transporter of the app that does not answer. */
export async function verify (context: CheckContext, source: SMTPSource): Promise<void> {
  const misgiven = faultOf(source)
  if (misgiven !== undefined) throw lacking([misgiven])
  const { transport, url } = source
  if (transport === undefined) await verifyUrl(context, url as string)
  else await withClient<TransporterLike, void>(context, { client: transport, kind }, verified)
}

function faultOf ({ transport, url }: { readonly [name in keyof SMTPSource]: SMTPSource[name] | undefined }): Requirement | undefined {
  if ((transport === undefined) !== (url === undefined)) return undefined
  return {
    message: url === undefined ? 'neither `transport` nor `url` is given' : 'both `transport` and `url` are given',
    hint: 'Give `transport` for a transporter of the app, or `url` for a connection of its own.',
  }
}

async function verified (transporter: TransporterLike): Promise<void> {
  let answer: unknown
  try {
    answer = await transporter.verify()
  } catch (error) {
    throw explained(error)
  }
  // nodemailer returns `false` for a transport that does not use SMTP.
  if (answer === false) throw new ServiceReturnedUnexpectedResult('the transport cannot be verified')
}

/** The options that nodemailer reads from a URL. */
interface Address {
  readonly host: string
  readonly port?: number
  readonly secure?: boolean
}

async function verifyUrl (context: CheckContext, url: string): Promise<void> {
  const { default: nodemailer } = await driver()
  let socket: Socket | undefined
  const transporter = nodemailer.createTransport(withLogin(url))
  // `getSocket` is the way to give nodemailer a socket in all its major versions.
  Object.assign(transporter, {
    getSocket ({ host, port, secure }: Address, callback: (error: Error | null, options?: { connection: Socket }) => void) {
      const connection = socket = connect({ host, port: Number(port ?? (secure === true ? 465 : 587)), noDelay: true })
      connection.once('error', callback)
      connection.once('connect', () => {
        connection.off('error', callback)
        callback(null, { connection })
      })
    },
  })
  try {
    await abortable(verified(transporter), interruptionOf(context), () => socket?.destroy())
    await waitForClose(socket as Socket)
  } catch (error) {
    throw unavailable(error)
  } finally {
    socket?.destroy()
  }
}

// Without `forceAuth`, a server without a login would pass although the URL has a user.
function withLogin (url: string): string {
  return new URL(url).username === '' ? url : `${url}${url.includes('?') ? '&' : '?'}forceAuth=true`
}

async function waitForClose (socket: Socket): Promise<void> {
  await within<unknown>(goodbyeTime, finished(socket.resume()), () => socket.destroy()).catch(() => {})
}

/** Returns words for an error of nodemailer. Its codes cover more than one fault, and hide the codes of the system. */
function explained (error: unknown): unknown {
  const words = error instanceof Error ? smtpWords(error) : undefined
  return words === undefined ? error : new ServiceUnavailable(words, { cause: error })
}

interface NodemailerError extends Error {
  readonly code?: string
  /** The code of the system. Before nodemailer 8, it is only in the text. */
  readonly originalCode?: string
  readonly responseCode?: number
}

function smtpWords (error: NodemailerError): string | undefined {
  const { code, message, responseCode } = error
  switch (code) {
    case 'EAUTH': return Number(responseCode) < 500 ? 'login refused for now' : 'authentication failed'
    case 'EPROTOCOL': return responseCode === undefined ? 'what answers does not speak SMTP' : `refused with ${responseCode}`
    case 'EDNS': return 'host not found'
    case 'ECONNECTION':
    case 'ESOCKET':
    case 'ETLS': {
      if (responseCode !== undefined) return `refused with ${responseCode}`
      const { originalCode = /\bE[A-Z]{4,}\b/.exec(message)?.[0] } = error
      const words = wordsFor(Object.assign(new Error(), { code: originalCode }))
      if (words !== undefined) return words
      if (/certificate|altname/i.test(message)) return 'certificate not trusted'
      return code === 'ETLS' || /\bSSL\b/.test(message) ? 'TLS handshake failed' : 'connection lost'
    }
    default: return wordsFor(error)
  }
}
