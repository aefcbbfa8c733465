import { test } from 'tap'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { HealthCheck, defineCheck } from '../../lib/check.js'
import { isFault, loadCheck, parseEntry, resolveEntry, type ParsedEntry, type ResolvedEntry } from '../../lib/config/entry.js'
import { flag, text, url } from '../../lib/values/rules.js'
import type { CheckClass } from '../../types/check.js'
import { revoked, unreadable } from '../helpers/unreadable.js'

const baseDir = fileURLToPath(new URL('../fixtures/checks/', import.meta.url))

class PaymentsCheck extends HealthCheck<{ url?: string }> {
  static override rules = { url: url(['http']), name: text() }
  override check () {}
}

function resolved (...entry: unknown[]): ResolvedEntry {
  const found = resolveEntry(parseEntry(entry) as ParsedEntry, entry[0] as CheckClass)
  if (isFault(found)) throw new Error(found.message)
  return found
}

function fault (...entry: unknown[]) {
  return resolveEntry(parseEntry(entry) as ParsedEntry, entry[0] as CheckClass)
}

test('an entry is a specifier or a class, alone or with options', async t => {
  const options = { timeout: 5 }
  t.match(parseEntry('a#B'), { label: 'a#B', check: 'a#B', options: {} })
  t.match(parseEntry(['a', options]), { label: 'a', check: 'a', options })
  t.match(parseEntry(['a']), { check: 'a', options: {} })
  t.match(parseEntry(PaymentsCheck), { label: 'PaymentsCheck', check: PaymentsCheck, options: {} })
  t.equal((parseEntry([PaymentsCheck, options]) as ParsedEntry).options, options, 'the configuration\'s own object')
  t.match(parseEntry(defineCheck({ identifier: 'Feature flags', check () {} })), { label: 'Feature flags' })
  t.match(parseEntry(class extends HealthCheck { override check () {} }), { label: 'a class without a name' })
})

test('E005 tells an object that would be a check to be wrapped', async t => {
  t.strictSame(parseEntry({ identifier: 'A', check () {} }), { id: 'E005', message: 'it is what defineCheck() takes, not a check', hint: 'Wrap it: defineCheck({ … }).' })
})

test('E005 tells an entry that is none of these', async t => {
  for (const [entry, message] of [
    ['', "'' is no check"],
    [5, '5 is no check'],
    [null, 'null is no check'],
    [undefined, 'undefined is no check'],
    [{}, 'an object is no check'],
    [[], 'undefined is no check'],
    [class NotACheck {}, 'a function is no check'],
    [['a', {}, 1], 'it is an array of 3 items'],
    [['a', 5], 'the options of a are 5'],
    [['a', null], 'the options of a are null'],
    [['a', []], 'the options of a are an array'],
  ]) t.match(parseEntry(entry), { id: 'E005', message, hint: /^An entry is/ })
})

test('identifier, critical and timeout are the class\'s, unless the entry says otherwise', async t => {
  class Own extends HealthCheck {
    override critical = false
    override timeout = 70
    override get identifier () { return 'Own name' }
    override check () {}
  }
  t.match(resolved(Own), { identifier: 'Own name', critical: false, timeout: 70, Check: Own })
  t.match(resolved(Own, { identifier: 'Other', critical: true, timeout: 5 }), { identifier: 'Other', critical: true, timeout: 5 })
  t.match(resolved(PaymentsCheck), { identifier: 'PaymentsCheck', critical: true, timeout: undefined })
})

test('an identifier may be any text', async t => {
  for (const identifier of ['__proto__', 'constructor', 'toString', 'Müller & Söhne <b>']) t.equal(resolved(PaymentsCheck, { identifier }).identifier, identifier)
})

test('entries ask the same question where class and own options are equal, whatever they make of the answer', async t => {
  const { question } = resolved(PaymentsCheck, { url: 'http://a', name: 'x' })
  t.equal(resolved(PaymentsCheck, { name: 'x', url: 'http://a' }).question, question)
  t.equal(resolved(PaymentsCheck, {
    url: 'http://a', name: 'x', identifier: 'I', critical: false, timeout: 5, cacheFor: 5, interval: 5, maxStale: 5, after: 'B',
  }).question, question)
  t.not(resolved(PaymentsCheck, { url: 'http://b', name: 'x' }).question, question)
  t.not(resolved(class extends PaymentsCheck {}, { url: 'http://a', name: 'x', identifier: 'I' }).question, question)
})

test('E008 tells every option that is invalid, without showing what may be secret', async t => {
  t.match(fault(PaymentsCheck, { url: 'ftp://u:canary@h', tiemout: 5, critical: 'no' }), {
    id: 'E008',
    message: "PaymentsCheck: 'url' is a string that does not fit (not shown: it may hold credentials). It must be a URL that starts with http://. there is no option 'tiemout'. Did you mean 'timeout'? 'critical' is 'no'",
    hint: 'It must be true or false.',
  })
})

test('E008 tells a check that is shared and does not say how often', async t => {
  class Till extends HealthCheck {
    override check () {}
  }
  const resolve = (options: object) => resolveEntry(parseEntry([Till, options]) as ParsedEntry, Till)
  t.match(resolve({ shared: true }), { id: 'E008', message: "Till: 'interval' is missing", hint: /how often one instance of the fleet asks/ })
  for (const options of [{ shared: true, interval: 5 }, { shared: false }]) t.match(resolve(options), { identifier: 'Till' })
})

test('a check without rules takes any option of its own, and only the entry\'s are looked at', async t => {
  class Free extends HealthCheck<Record<string, unknown>> {
    override check () {}
  }
  t.match(resolved(Free, { anything: 5 }), { identifier: 'Free' })
  t.match(fault(Free, { anything: 5, timeout: '3s' }), { id: 'E008', message: "Free: 'timeout' is '3s'" })
})

test('a rule of the check\'s own comes before that of entries', async t => {
  class Timed extends HealthCheck<{ after: never }> {
    static override rules = { after: flag() }
    override check () {}
  }
  t.match(fault(Timed, { after: 'x' }), { id: 'E008', hint: 'It must be true or false.' })
})

test('E008 tells what a class itself has wrong', async t => {
  class Nameless extends HealthCheck {
    override get identifier () { return '' }
    override check () {}
  }
  class Timeless extends HealthCheck {
    override timeout = NaN
    override check () {}
  }
  class Uncritical extends HealthCheck {
    override critical = 'no' as unknown as boolean
    override check () {}
  }
  class Idle extends PaymentsCheck {
    override check = undefined as unknown as () => void
  }
  t.match(fault(Nameless), { id: 'E008', message: "Nameless: 'identifier' is ''" })
  t.match(fault(Timeless), { id: 'E008', message: "Timeless: 'timeout' is NaN" })
  t.match(fault(Uncritical), { id: 'E008', message: "Uncritical: 'critical' is 'no'" })
  t.match(fault(Idle), { id: 'E008', message: "Idle: 'check' is missing", hint: 'It must be a function.' })
  t.match(fault(HealthCheck), { id: 'E008', message: "HealthCheck: 'check' is missing" })
})

test('E008 tells a constructor that throws, and never what its options hold', async t => {
  class Throwing extends HealthCheck<{ password: string, thrown?: unknown }> {
    constructor (options: { password: string, thrown?: unknown }) {
      super(options)
      throw options.thrown ?? new Error(`no access with ${options.password}\nat all`)
    }

    override check () {}
  }
  t.match(fault(Throwing, { password: 'canary' }), { id: 'E008', message: 'Throwing: its constructor threw no access with [redacted]' })
  t.match(fault(Throwing, { password: 'canary', thrown: 'canary' }), { message: "Throwing: its constructor threw '[redacted]'" })
})

test('E008 says what of a class is wrong: its statics, a rule, a getter', async t => {
  const declaring = (statics: object) => Object.assign(class Declaring extends HealthCheck { override check () {} }, statics)
  class Throwing extends PaymentsCheck {
    override get identifier (): string { throw new Error('no name') }
  }
  const failing = { expected: 'x', test () { throw new Error('no rule') } }
  t.match(fault(declaring({ rules: 5 })), { id: 'E008', message: "Declaring: its static 'rules' is 5", hint: 'It must be an object of rules, by the name of the option.' })
  t.match(fault(declaring({ scope: 'everywhere' })), { id: 'E008', message: "Declaring: its static 'scope' is 'everywhere'", hint: "It must be one of 'local', 'shared', 'workers'." })
  for (const rule of [{ expected: 'x' }, null]) {
    t.match(fault(declaring({ rules: { url: rule } }), { url: 'x' }), { id: 'E008', message: "Declaring: its `static rules` have no `test` for 'url'" })
  }
  t.match(fault(declaring({ rules: { url: failing } }), { url: 'x' }), { id: 'E008', message: "Declaring: looking at 'url' threw no rule", hint: /correct the rule: its `test` returns true or false/ })
  t.match(fault(Throwing), { id: 'E008', message: 'Throwing: its `identifier`, `critical` or `timeout` threw no name' })
})

test('a constructor that changes its options does not change the configuration', async t => {
  class Changing extends HealthCheck<{ list: string[] }> {
    constructor (options: { list: string[] }) {
      super(options)
      options.list.push('more')
    }

    override check () {}
  }
  const options = { list: ['one'] }
  resolved(Changing, options)
  t.strictSame(options, { list: ['one'] })
})

test('a specifier names a module\'s default export or a named one, from the base folder, by path or by URL', async t => {
  const named = async (specifier: string) => (await loadCheck(specifier, baseDir) as CheckClass).name
  t.equal(await named('./default-export.ts'), 'DefaultCheck')
  t.equal(await named('./named-export.ts#PaymentsCheck'), 'PaymentsCheck')
  t.equal(await named('./named-export.ts#flags'), 'Feature flags')
  t.equal(await named('../checks/default-export.ts#default'), 'DefaultCheck')
  t.equal(await named(`${baseDir}default-export.ts`), 'DefaultCheck')
  t.equal(await named(pathToFileURL(`${baseDir}default-export.ts`).href), 'DefaultCheck')
  t.equal(await named('fastify-health/checks/system#MemoryUsageCheck'), 'MemoryUsageCheck')
})

test('a package and an import of the app\'s own are found from the base folder, not from here', async t => {
  const check = "export default class OurCheck { get [Symbol.for('fastify-health.check')] () { return true } }"
  const dir = t.testdir({
    'package.json': '{"name": "our-app", "type": "module", "imports": {"#checks": "./checks.js"}}',
    'checks.js': check.replace('OurCheck', 'OwnImport'),
    node_modules: { 'our-checks': { 'package.json': '{"name": "our-checks", "type": "module", "exports": "./index.js"}', 'index.js': check } },
  })
  t.equal((await loadCheck('our-checks', dir) as CheckClass).name, 'OurCheck')
  t.equal((await loadCheck('#checks', dir) as CheckClass).name, 'OwnImport')
  t.match(await loadCheck('our-checks', baseDir), { id: 'E004', message: 'our-checks cannot be loaded' })
})

test('CommonJS that was compiled out of an ES module is taken for what that was', async t => {
  const dir = t.testdir({
    'compiled.cjs': `Object.defineProperty(exports, '__esModule', { value: true })
      class DefaultCheck { get [Symbol.for('fastify-health.check')] () { return true } }
      const all = { default: DefaultCheck, OtherCheck: class OtherCheck extends DefaultCheck {} }
      for (const name in all) exports[name] = all[name]`,
  })
  t.equal((await loadCheck('./compiled.cjs', dir) as CheckClass).name, 'DefaultCheck')
  t.equal((await loadCheck('./compiled.cjs#OtherCheck', dir) as CheckClass).name, 'OtherCheck')
  t.match(await loadCheck('./compiled.cjs#Other', dir), { id: 'E004', message: "./compiled.cjs#Other has no export 'Other'" })
})

test('E004 tells an export that is not there or is no check, and what the module does export', async t => {
  t.match(await loadCheck('./named-export.ts', baseDir), {
    id: 'E004', message: "./named-export.ts has no export 'default'", hint: "There is: 'PaymentsCheck', 'flags'.",
  })
  t.match(await loadCheck('./named-export.ts#PaymentCheck', baseDir), { id: 'E004', hint: "Did you mean 'PaymentsCheck'?" })
  t.match(await loadCheck('./named-export.ts#notACheck', baseDir), { message: "./named-export.ts#notACheck exports an object as 'notACheck', which is no HealthCheck" })
  t.match(await loadCheck('./named-export.ts#toString', baseDir), { message: "./named-export.ts#toString has no export 'toString'" })
  t.match(await loadCheck('./no-check.ts', baseDir), {
    id: 'E004',
    message: "./no-check.ts exports a function as 'default', which is no HealthCheck",
    hint: 'It exports no HealthCheck at all, but: answer, default.',
  })
})

test('E004 tells a module that cannot be loaded, and why', async t => {
  t.match(await loadCheck('./missing.ts', baseDir), { id: 'E004', message: './missing.ts cannot be loaded', hint: /looked up from `baseDir`/ })
  t.match(await loadCheck('./throws-at-import.ts', baseDir), { id: 'E004', message: './throws-at-import.ts throws when it is loaded', hint: /^cannot reach \[redacted\] \(.*throws-at-import\.ts:1:7\)\. Correct it there\.$/ })
  t.match(await loadCheck('./throws-null-at-import.ts', baseDir), { id: 'E004', hint: /^null\. / })
  const dir = t.testdir({ 'wrong.mjs': 'export default {\n  a: 1\n  "b" 2\n}', 'imports.mjs': 'import "./missing.mjs"' })
  t.match(await loadCheck('./wrong.mjs', dir), { message: './wrong.mjs throws when it is loaded', hint: /^Unexpected string \(`node --check .*wrong\.mjs` shows where\)\. Correct it there\.$/ })
  t.match(await loadCheck('./imports.mjs', dir), { message: './imports.mjs throws when it is loaded', hint: /^Cannot find module '.*missing\.mjs' imported from .*\. Correct it there\.$/ })
  t.match(await loadCheck('nowhere', dir), { message: 'nowhere cannot be loaded', hint: /A package is looked up from `baseDir`/ })
  t.match(await loadCheck('/nowhere.js', dir), { message: '/nowhere.js cannot be loaded', hint: /An entry is "module#Export"/ })
  t.match(await loadCheck('./needs-a-loader.ts', baseDir), { id: 'E004', hint: /compile it, or run with a loader such as tsx/ })
})

test('E004 and what else names an entry never quote a URL with a password', async t => {
  const written = 'postgres://user:canary@db.internal/shop'
  const found = await loadCheck(written, baseDir)
  t.match(found, { id: 'E004', message: '[redacted] cannot be loaded' })
  t.notMatch(JSON.stringify([found, (parseEntry([written]) as ParsedEntry).label, parseEntry([written, 5])]), 'canary')
  t.equal((parseEntry('file:///srv/app/check.js') as ParsedEntry).label, 'file:///srv/app/check.js')
})

test('E004 suggests the nearest of the built-in checks, and none of the files that only serve them', async t => {
  t.match(await loadCheck('fastify-health/checks/postgers', baseDir), {
    id: 'E004', message: 'fastify-health/checks/postgers is none of the built-in checks', hint: "Did you mean 'fastify-health/checks/postgres'?",
  })
  const { hint } = await loadCheck('fastify-health/checks/unlike-anything-that-there-is', baseDir) as { hint: string }
  t.match(hint, /'fastify-health\/checks\/redis'/)
  t.notMatch(hint, /abortable|requirements|client/)
})

test('E005 tells an entry that cannot be read, and options that are of a kind that holds none', async t => {
  t.match(parseEntry(unreadable([PaymentsCheck])), { id: 'E005', message: 'reading it threw not now' })
  t.match(parseEntry(revoked([])), { id: 'E005', message: /^reading it threw \S/ })
  t.match(parseEntry([PaymentsCheck, new Map()]), { id: 'E005', message: 'the options of PaymentsCheck are an object' })
  t.match(parseEntry([PaymentsCheck, revoked({})]), { id: 'E005', message: 'the options of PaymentsCheck are an object that cannot be read' })
})

test('the name of an entry is short, and one line', async t => {
  t.equal((parseEntry(`./${'x'.repeat(200)}.js`) as ParsedEntry).label, `./${'x'.repeat(98)}…`)
  t.equal((parseEntry('./a\u001b[31m\n.js') as ParsedEntry).label, './a [31m .js')
})

test('E004 tells a specifier that is no path of a file at all', async t => {
  for (const specifier of [`./${'a/'.repeat(10_000)}x.js`, 'file://host/x.js', 'file:///a%2fb.js', './\0.js']) t.match(await loadCheck(specifier, baseDir), { id: 'E004', message: / cannot be loaded$/ }, specifier.slice(0, 20))
})
