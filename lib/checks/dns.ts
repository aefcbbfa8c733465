import { NODATA, NOTFOUND, REFUSED, SERVFAIL } from 'node:dns'
import { lookup, Resolver } from 'node:dns/promises'
import { HealthCheck } from '../check.js'
import { unavailable } from '../clients/driver-errors.js'
import { lacking, ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { abortable } from '../time/abortable.js'
import { interruptionOf } from '../time/stop-signal.js'
import { isPattern, oneOf, rule, withoutNul } from '../values/rules.js'
import type { CheckContext, OptionRules, Requirement, RulesOf } from '../../types/check.js'

/** The functions that ask for records. Each returns them as a zone file writes them. */
const records = {
  A: async (resolver: Resolver, name: string) => await resolver.resolve4(name),
  AAAA: async (resolver: Resolver, name: string) => await resolver.resolve6(name),
  CNAME: async (resolver: Resolver, name: string) => await resolver.resolveCname(name),
  MX: async (resolver: Resolver, name: string) => (await resolver.resolveMx(name)).map(({ priority, exchange }) =>
    `${priority} ${exchange}`),
  NS: async (resolver: Resolver, name: string) => await resolver.resolveNs(name),
  PTR: async (resolver: Resolver, name: string) => await resolver.resolvePtr(name),
  SRV: async (resolver: Resolver, name: string) => (await resolver.resolveSrv(name)).map(({ priority, weight, port, name }) =>
    `${priority} ${weight} ${port} ${name}`),
  TXT: async (resolver: Resolver, name: string) => (await resolver.resolveTxt(name)).map(parts => parts.join('')),
}

export type RecordType = keyof typeof records

export interface DNSOptions {
  /** The name to resolve. */
  name: string
  /**
   * The kind of record to ask the name servers for. Without it, the host resolves the name as for every connection, with its hosts file.
   */
  type?: RecordType
  /**
   * A record that the answer must contain, a pattern that a record must match, or a list of such conditions, which all must hold. A record
   * is text as in a zone file, without a dot at its end: an address, `10 mail.example.com` for MX, or `1 5 5060 sip.example.com` for SRV.
   */
  expect?: string | RegExp | ReadonlyArray<string | RegExp>
  /**
   * The addresses of the name servers, each with an optional `:port`. The option needs `type`.
   *
   * @default the name servers of the host
   */
  servers?: readonly string[]
}

/** Passes if a name resolves, and the answer is as expected. */
export class DNSCheck extends HealthCheck<DNSOptions> {
  static override readonly rules: OptionRules = {
    name: withoutNul('a name to resolve', { required: true }),
    type: oneOf(Object.keys(records)),
    expect: rule('a text, a RegExp, or a list of them', value =>
      Array.isArray(value) ? value.length > 0 && value.every(isPattern) : isPattern(value)),
    servers: rule('a list of addresses, each with a :port if need be', value =>
      Array.isArray(value) && value.length > 0 && value.every(isServer)),
  } satisfies RulesOf<DNSOptions>

  static override readonly scope = 'shared'

  override requirements (): Requirement[] {
    const { type, servers } = this.options
    if (type !== undefined || servers === undefined) return []
    return [{
      message: '`servers` are given, and no `type`',
      hint: "Give `type`, such as 'A': without it the host's own way of resolving is used, which takes no name servers.",
    }]
  }

  override async check (context: CheckContext) {
    const { type, expect = [] } = this.options
    const misgiven = this.requirements()
    if (misgiven.length > 0) throw lacking(misgiven)
    const found = type === undefined ? await this.#asTheHost() : await this.#asked(context, type)
    context.observe('records', found.length)
    const expected = [expect].flat() as Array<string | RegExp>
    const missing = expected.filter(expectation => !found.some(record => matchesRecord(record, expectation)))
    if (missing.length > 0) {
      throw new ServiceReturnedUnexpectedResult(
        `${missing.length} of ${expected.length} expected records missing, of ${found.length} in the answer`
      )
    }
  }

  // The system cannot abort the request, so the run stays open until the answer comes, and no other run starts meanwhile.
  async #asTheHost (): Promise<string[]> {
    try {
      return (await lookup(this.options.name, { all: true })).map(({ address }) => address)
    } catch (error) {
      throw explained(error, 'address')
    }
  }

  async #asked (context: CheckContext, type: RecordType): Promise<string[]> {
    const { name, servers } = this.options
    // Each attempt takes longer than the one before, so all of them together take longer than the run may.
    const resolver = new Resolver({ timeout: Math.ceil(context.timeout / 4), tries: 4 })
    if (servers !== undefined) resolver.setServers(servers)
    try {
      return await abortable(records[type](resolver, name), interruptionOf(context), () => resolver.cancel())
    } catch (error) {
      throw explained(error, `${type} record`)
    }
  }
}

export default DNSCheck

// The messages for an answer without records. They contain the type of the record, but not the name, which may be secret.
const faults: Readonly<Record<string, (what: string, options: ErrorOptions) => Error>> = {
  [NODATA]: (what, options) => new ServiceReturnedUnexpectedResult(`the name has no ${what}`, options),
  [NOTFOUND]: (_what, options) => new ServiceUnavailable('the name does not exist', options),
  [REFUSED]: (_what, options) => new ServiceUnavailable('the name server refuses to answer', options),
  [SERVFAIL]: (_what, options) => new ServiceUnavailable('the name server failed', options),
  // The resolver of the host has this code.
  EAI_AGAIN: (_what, options) => new ServiceUnavailable('no name server answers', options),
}

function explained (error: unknown, what: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  return faults[String(code)]?.(what, { cause: error }) ?? unavailable(error)
}

// `search` is used, since `test` of a global pattern continues where it last stopped.
function matchesRecord (record: string, expected: string | RegExp): boolean {
  return typeof expected === 'string' ? record === expected : record.search(expected) !== -1
}

function isServer (value: unknown): boolean {
  try {
    new Resolver().setServers([value as string])
    return true
  } catch {
    return false
  }
}
