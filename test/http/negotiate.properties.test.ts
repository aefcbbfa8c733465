import { test } from 'tap'
import fc from 'fast-check'
import Fastify from 'fastify'
import health from '../../lib/index.js'
import { defineCheck } from '../../lib/check.js'
import { negotiate } from '../../lib/http/negotiate.js'

const seed = 20_260_113

/** In the order in which the design prefers them where a range takes several. */
const types = { html: 'text/html', json: 'application/json', plain: 'text/plain', 'health+json': 'application/health+json', openmetrics: 'application/openmetrics-text' } as const
type Format = keyof typeof types
const formats = Object.keys(types) as Format[]

interface Range {
  readonly type: string
  readonly q: number
}

// RFC 9110: 5.6.2 tokens, 5.6.4 quoted strings, 5.6.6 parameters, 12.4.2 weights, 12.5.1 Accept. Spaces beside = are taken as well.
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const quoted = '"(?:[^"\\\\]|\\\\.)*"'
const ows = '[ \\t]*'
const parameter = `(${token})${ows}=${ows}(${token}|${quoted})`
const element = new RegExp(`^(${token}/${token})((?:${ows};${ows}(?:${parameter})?)*)${ows}$`)
const parameters = new RegExp(`;${ows}${parameter}`, 'g')
// Java writes .4 for 0.4, and others more than three digits.
const weight = /^(?:\d+\.?\d*|\.\d+)$/

/** Splits at the commas that are in no quoted string; a quote that does not end is a character like any other. */
function elements (header: string): string[] {
  const found = ['']
  for (let rest = header; rest !== '';) {
    const [text] = new RegExp(`^${quoted}`).exec(rest) ?? [rest[0] as string]
    if (text === ',') found.push('')
    else found[found.length - 1] += text
    rest = rest.slice(text.length)
  }
  return found
}

/** The ranges of a header, without those that break the grammar. */
function parse (header: string): Range[] {
  return elements(header).flatMap(item => {
    const [, type, rest = ''] = element.exec(item.replace(/^[ \t]+/, '')) ?? []
    if (type === undefined) return []
    const [, , text = '1'] = [...rest.matchAll(parameters)].find(([, name]) => name?.toLowerCase() === 'q') ?? []
    const q = Number(text)
    return weight.test(text) && q <= 1 ? [{ type: type.toLowerCase(), q }] : []
  })
}

/** How closely a range names a format, or 0 where it does not take it. */
function closeness (range: string, format: Format): number {
  if (range === types[format] || (format === 'html' && range === 'application/xhtml+xml')) return 3
  if (range === `${types[format].split('/')[0]}/*`) return 2
  return range === '*/*' ? 1 : 0
}

/** What the design and RFC 9110 answer an `Accept` with: `undefined` is 406. */
function expected (header: string): Format | undefined {
  const parsed = parse(header)
  const ranges = parsed.length === 0 ? [{ type: '*/*', q: 1 }] : parsed
  const weights = new Map(formats.map(format => {
    const closest = ranges.map(({ type }) => closeness(type, format)).reduce((a, b) => Math.max(a, b), 0)
    const among = ranges.filter(({ type }) => closest > 0 && closeness(type, format) === closest)
    return [format, Math.max(0, ...among.map(({ q }) => q))]
  }))
  const highest = Math.max(...weights.values())
  if (highest === 0) return undefined
  const best = formats.filter(format => weights.get(format) === highest)
  for (const { type, q } of ranges) {
    const found = best.find(format => q === highest && closeness(type, format) > 0)
    if (found !== undefined) return found
  }
}

const space = fc.constantFrom('', '', '', ' ', '\t', '  ')
const mixedCase = (text: string) => fc.array(fc.boolean(), { minLength: text.length, maxLength: text.length })
  .map(uppers => [...text].map((letter, index) => uppers[index] ? letter.toUpperCase() : letter).join(''))
const known = fc.constantFrom(...Object.values(types), 'application/xhtml+xml', '*/*', 'text/*', 'application/*')
const name = fc.oneof(
  { weight: 8, arbitrary: known },
  { weight: 2, arbitrary: known.chain(mixedCase) },
  { weight: 1, arbitrary: fc.constantFrom('image/*', 'image/png', 'text/html2', 'application/vnd.api+json', 'x/y', 'text/htm', '*/html') }
)
const goodQ = fc.oneof(fc.integer({ min: 0, max: 1000 }).map(n => (n / 1000).toString()), fc.constantFrom('0', '1', '0.', '1.', '0.0', '1.000', '0.5', '0.50', '.4', '0.001'))
const badQ = fc.constantFrom('2', '-1', '1.001', '0.1234', 'x', '1e0', '"1"', '0,5', '٠', '00', '01')
const q = fc.tuple(fc.constantFrom('q', 'Q'), fc.oneof({ weight: 9, arbitrary: goodQ }, { weight: 1, arbitrary: badQ })).map(([name, value]) => `${name}=${value}`)
const other = fc.constantFrom('charset=utf-8', 'version=1.0.0', 'level=1', 'v="a;q=0, b"', 'v="\\""', 'escaping=allow-utf-8', '')
const range = fc.tuple(name, fc.array(fc.tuple(space, space, fc.oneof({ weight: 2, arbitrary: q }, { weight: 1, arbitrary: other })), { maxLength: 3 }))
  .map(([name, items]) => name + items.map(([before, after, item]) => `${before};${after}${item}`).join(''))
const brokenRange = fc.constantFrom('text', '*', '/', 'text/', '/html', 'text/html;', 'text/html;q', 'text/html;q=', 'text html', 'text/html/x', 'text/html;="', 'v="', 'text/html;v="', 'a/b;c="d\\', 'te(xt/html', '')
const list = fc.tuple(fc.array(fc.tuple(space, fc.oneof({ weight: 20, arbitrary: range }, { weight: 1, arbitrary: brokenRange }), space), { maxLength: 8 }), fc.boolean())
  .map(([items, trailing]) => items.map(([before, item, after]) => before + item + after).join(',') + (trailing ? ',' : ''))
const many = fc.array(range, { minLength: 50, maxLength: 200, size: 'max' }).map(items => items.join(', '))
// What Node.js lets through in a header.
const garbage = fc.string({ unit: fc.constantFrom(...'abq=;,/*"\\ \t.015é(+-'), maxLength: 30 })
const accept = fc.oneof({ weight: 12, arbitrary: list }, { weight: 1, arbitrary: many }, { weight: 3, arbitrary: garbage })

test('any Accept header is answered as the design and RFC 9110 say', async t => {
  const answered = new Set<Format | undefined>()
  fc.assert(fc.property(accept, header => {
    const format = expected(header)
    answered.add(format)
    return negotiate(undefined, { accept: header })?.name === format
  }), { seed, numRuns: 5000 })
  t.equal(answered.size, formats.length + 1, 'every format, and none')
})

const aliases = new Map<string, Format>([...formats.map(format => [format, format] as const), ['text', 'plain']])
const askedFormat = fc.option(fc.oneof(fc.constantFrom(...aliases.keys(), 'xml', '', 'constructor', '__proto__', 'JSON'), fc.string({ maxLength: 10 })), { nil: undefined, freq: 2 })

test('an app answers GET and HEAD alike, and ?format= wins over the header', async t => {
  const app = Fastify()
  await app.register(health, { subsets: { readiness: [defineCheck({ identifier: 'Own', check () {} })] } })
  await fc.assert(fc.asyncProperty(accept, fc.array(askedFormat, { maxLength: 2 }), fc.constantFrom('GET' as const, 'HEAD' as const), async (header, asked, method) => {
    const query = asked.filter(format => format !== undefined)
    const url = `/healthcheck/readiness?${query.map(format => `format=${encodeURIComponent(format)}`).join('&')}`
    const { statusCode, headers, body } = await app.inject({ method, url, headers: { accept: header } })
    const format = query[0] === undefined ? expected(header) : aliases.get(query[0])
    const type = format === undefined ? 'text/plain' : types[format]
    const isBodyFitting = method === 'HEAD' ? body === '' : format !== undefined || body.startsWith('Not Acceptable: Supported content types: ')
    return statusCode === (format === undefined ? 406 : 200) && String(headers['content-type']).split(';')[0] === type && headers.vary === 'accept' && isBodyFitting
  }), { seed, numRuns: 300 })
  await app.close()
  t.pass()
})
