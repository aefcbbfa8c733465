import { ServiceUnavailable, isHealthCheckError } from '../errors.js'
import { urlsOf } from '../values/hosts.js'
import { rule } from '../values/rules.js'
import type { OptionRule } from '../../types/check.js'

// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-TARGET-SESSION-ATTRS
const sessionAttributes = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const

export type SessionAttributes = typeof sessionAttributes[number]

/** The servers that a URL names. */
export interface PostgresTarget {
  /** One URL for each host, in the order in which they are tried. */
  readonly urls: readonly string[]
  /** The kind of server that is wanted. */
  readonly attributes: SessionAttributes
}

const schemes = ['postgres:', 'postgresql:']

/** The rule for a URL in the form of libpq. It names one host or several, as the host of the URL or as `?host=`. */
export function postgresUrl (): OptionRule {
  return rule(
    'a URL that starts with postgres:// or postgresql://, with as many ports as hosts, or one, and a target_session_attrs of libpq if any',
    value => typeof value === 'string' && targetOf(value) !== undefined,
    { secret: true }
  )
}

/** Returns the servers that a URL names, or `undefined` if it is no such URL. */
export function targetOf (connectionString: string): PostgresTarget | undefined {
  const urls = urlsOf(connectionString).flatMap(text => URL.canParse(text) ? ofQuery(text) : [undefined])
  if (!urls.every(url => url !== undefined && schemes.includes(new URL(url).protocol))) return undefined
  const attributes = new URL(urls[0] as string).searchParams.get('target_session_attrs') ?? 'any'
  if (!isSessionAttributes(attributes)) return undefined
  return { urls: urls as string[], attributes }
}

function isSessionAttributes (value: string): value is SessionAttributes {
  return (sessionAttributes as readonly string[]).includes(value)
}

/** Returns a URL for each host of `?host=`, with its port of `?port=`. */
function ofQuery (text: string): Array<string | undefined> {
  const { searchParams } = new URL(text)
  const hosts = searchParams.get('host')?.split(',') ?? []
  const ports = searchParams.get('port')?.split(',') ?? []
  if (hosts.length < 2 && ports.length < 2) return [text]
  if (ports.length > 1 && ports.length !== hosts.length) return [undefined]
  return hosts.map((host, index) => {
    const url = new URL(text)
    url.searchParams.set('host', host)
    const port = ports.length > 1 ? ports[index] : ports[0]
    if (port !== undefined) url.searchParams.set('port', port)
    return url.href
  })
}

const standby = 'read only: the server is a standby'
const setToReadOnly = 'read only: default_transaction_read_only is on'
const takesWrites = 'the server takes writes, and target_session_attrs asks for one that does not'
const noStandby = 'the server is a primary, and target_session_attrs asks for another'

/** A column with the mode of a server. It is a number, since apps may change how pg reads texts and booleans. */
export const modeColumn = "CASE WHEN pg_catalog.pg_is_in_recovery() THEN 2 WHEN pg_catalog.current_setting('transaction_read_only') = " +
  "'on' THEN 3 ELSE 1 END"

const standbyMode = 2
const readOnlyMode = 3

/** @throws ServiceUnavailable if a server of this mode is not of the kind that is wanted. */
export function assertMode (mode: number, attributes: SessionAttributes): void {
  const fault = modeFault(mode, attributes)
  if (fault !== undefined) throw new ServiceUnavailable(fault)
}

function modeFault (mode: number, attributes: SessionAttributes): string | undefined {
  switch (attributes) {
    case 'read-write': return mode === standbyMode ? standby : mode === readOnlyMode ? setToReadOnly : undefined
    case 'primary': return mode === standbyMode ? standby : undefined
    case 'read-only': return mode === standbyMode || mode === readOnlyMode ? undefined : takesWrites
    case 'standby':
    case 'prefer-standby': return mode === standbyMode ? undefined : noStandby
    case 'any': return undefined
  }
}

/** Returns whether an error says that a server is not of the kind that is wanted. Another host may be. */
export function isWrongMode (error: unknown): boolean {
  return isHealthCheckError(error) && [standby, setToReadOnly, takesWrites, noStandby].includes(error.message)
}
