import { NODATA, NOTFOUND, REFUSED, SERVFAIL } from 'node:dns'
import { lookup, Resolver } from 'node:dns/promises'
import { HealthCheck } from '../check.js'
import { unavailable } from '../clients/driver-errors.js'
import { lacking, ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { abortable } from '../time/abortable.js'
import { interruptionOf } from '../time/stop-signal.js'
import { oneOf, rule, withoutNul } from '../values/rules.js'
import type { CheckContext, OptionRules, Requirement } from '../../types/check.js'

/** Each record as a zone file writes it. */
const records = {
  A: async (resolver: Resolver, name: string) => await resolver.resolve4(name),
  AAAA: async (resolver: Resolver, name: string) => await resolver.resolve6(name),
  CNAME: async (resolver: Resolver, name: string) => await resolver.resolveCname(name),
  MX: async (resolver: Resolver, name: string) => (await resolver.resolveMx(name)).map(({ priority, exchange }) => `${priority} ${exchange}`),
  NS: async (resolver: Resolver, name: string) => await resolver.resolveNs(name),
  PTR: async (resolver: Resolver, name: string) => await resolver.resolvePtr(name),
  SRV: async (resolver: Resolver, name: string) => (await resolver.resolveSrv(name)).map(({ priority, weight, port, name }) => `${priority} ${weight} ${port} ${name}`),
  TXT: async (resolver: Resolver, name: string) => (await resolver.resolveTxt(name)).map(parts => parts.join('')),
}

export type RecordType = keyof typeof records

export interface DNSOptions {
  /** The name that is resolved. */
  name: string
  /**
   * The kind of record that is asked of the name servers. Without it the name is resolved as the host does for every connection, its hosts
   * file included.
   */
  type?: RecordType
  /**
   * What the answer must hold: a record, a pattern that one matches, or a list of them, each of which must be there. A record is text as in a
   * zone file, without a dot at its end: an address, `10 mail.example.com` of MX, `1 5 5060 sip.example.com` of SRV.
   */
  expect?: string | RegExp | ReadonlyArray<string | RegExp>
  /** Addresses of name servers, each with a `:port` if need be. Only with `type`. Default: those of the host. */
  servers?: readonly string[]
}

/** Passes when a name resolves, to what is expected where that is told. */
export class DNSCheck extends HealthCheck<DNSOptions> {
  static override readonly rules: OptionRules = {
    name: withoutNul('a name to resolve', { required: true }),
    type: oneOf(Object.keys(records)),
    expect: rule('a text, a RegExp, or a list of them', value => Array.isArray(value) ? value.length > 0 && value.every(isExpectation) : isExpectation(value)),
    servers: rule('a list of addresses, each with a :port if need be', value => Array.isArray(value) && value.length > 0 && value.every(isServer)),
  }

  static override readonly scope = 'shared'

  override requirements (): Requirement[] {
    const { type, servers } = this.options
    if (type !== undefined || servers === undefined) return []
    return [{ message: '`servers` are given, and no `type`', hint: "Give `type`, such as 'A': without it the host's own way of resolving is used, which takes no name servers." }]
  }

  override async check (context: CheckContext) {
    const { type, expect = [] } = this.options
    const misgiven = this.requirements()
    if (misgiven.length > 0) throw lacking(misgiven)
    const found = type === undefined ? await this.#asTheHost() : await this.#asked(context, type)
    context.observe('records', found.length)
    const expected = [expect].flat() as Array<string | RegExp>
    const missing = expected.filter(expectation => !found.some(record => fits(record, expectation)))
    if (missing.length > 0) throw new ServiceReturnedUnexpectedResult(`${missing.length} of ${expected.length} expected records missing, of ${found.length} in the answer`)
  }

  // The system offers no way to give it up: the run stays open until it answers, and no other one is started meanwhile.
  async #asTheHost (): Promise<string[]> {
    try {
      return (await lookup(this.options.name, { all: true })).map(({ address }) => address)
    } catch (error) {
      throw explained(error, 'address')
    }
  }

  async #asked (context: CheckContext, type: RecordType): Promise<string[]> {
    const { name, servers } = this.options
    // Every try is longer than the one before, so that all of them together take longer than the run may.
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

// What is said for an answer without records; the types of records are no secret, names are.
const faults: Readonly<Record<string, (what: string, options: ErrorOptions) => Error>> = {
  [NODATA]: (what, options) => new ServiceReturnedUnexpectedResult(`the name has no ${what}`, options),
  [NOTFOUND]: (_what, options) => new ServiceUnavailable('the name does not exist', options),
  [REFUSED]: (_what, options) => new ServiceUnavailable('the name server refuses to answer', options),
  [SERVFAIL]: (_what, options) => new ServiceUnavailable('the name server failed', options),
  // The host's own resolver has these codes.
  EAI_AGAIN: (_what, options) => new ServiceUnavailable('no name server answers', options),
}

function explained (error: unknown, what: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  return faults[String(code)]?.(what, { cause: error }) ?? unavailable(error)
}

function isExpectation (value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || value instanceof RegExp
}

// `search`, because `test` of a global pattern goes on where it stopped the last time.
function fits (record: string, expected: string | RegExp): boolean {
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
