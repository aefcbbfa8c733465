import { test } from 'tap'
import { caseFault, nameFault, settingsFaults, toSettings } from '../../lib/config/options.js'
import { entryRules } from '../../lib/values/entry-rules.js'
import type { HealthOptions } from '../../types/options.js'
import { revoked, unreadable } from '../helpers/unreadable.js'

test('every setting has a default', async t => {
  t.match(toSettings({}), {
    subsets: {},
    prefix: '/healthcheck',
    livenessPath: '/healthcheck/liveness',
    warningsAsErrors: true,
    sequential: false,
    diskUsageMax: 90,
    memoryMin: 100,
    failureStatus: 500,
    timeout: 3000,
    deadline: undefined,
    cacheFor: 0,
    details: 'always',
    drainSubsets: ['readiness'],
    logLevel: 'warn',
    baseDir: process.cwd(),
  })
  t.strictSame(settingsFaults(toSettings({})), [])
})

test('options that are no object at all are told at once', async t => {
  for (const [options, what] of [[null, 'null'], [5, '5'], [[], 'an array'], [() => {}, 'a function']]) {
    t.throws(() => toSettings(options as HealthOptions), { code: 'FST_HEALTH_INVALID_CONFIGURATION', message: `The options of fastify-health are ${what as string}. They must be a plain object` })
  }
})

test('0, null, false and the empty text are values, and undefined is none', async t => {
  t.match(toSettings({ cacheFor: 0, diskUsageMax: null, livenessPath: false, prefix: '', warningsAsErrors: false }), {
    cacheFor: 0, diskUsageMax: null, livenessPath: false, prefix: '', warningsAsErrors: false,
  })
  t.equal(toSettings({ timeout: undefined } as unknown as HealthOptions).timeout, 3000)
})

test('the options given are not changed by what becomes of the settings', async t => {
  const options = { subsets: { readiness: ['a'] }, timeout: 5 }
  const settings = toSettings(options)
  settings.subsets['readiness']?.push('b')
  settings.subsets['other'] = []
  settings.timeout = 6
  settings.drainSubsets.push('other')
  t.strictSame(options, { subsets: { readiness: ['a'] }, timeout: 5 })
  t.strictSame(toSettings({}).drainSubsets, ['readiness'])
})

test('the list of drainSubsets is the registry\'s own, too', async t => {
  const drainSubsets = ['readiness']
  toSettings({ drainSubsets }).drainSubsets.push('other')
  t.strictSame(drainSubsets, ['readiness'])
})

test('a subset that is no list is kept as it is, to be told by E002', async t => {
  t.strictSame(toSettings({ subsets: { readiness: 'postgres' } } as unknown as HealthOptions).subsets, { readiness: 'postgres' })
})

test('subsets may have names that every object inherits', async t => {
  const { subsets } = toSettings({ subsets: JSON.parse('{"__proto__": ["a"], "constructor": ["b"]}') })
  t.strictSame(Object.keys(subsets), ['__proto__', 'constructor'])
  t.equal(Object.getPrototypeOf(subsets), Object.prototype)
})

const wrong: Record<string, unknown[]> = {
  subsets: [null, [], 'readiness', 5, new Map([['readiness', []]]), new Set(['readiness']), new Date()],
  prefix: ['healthcheck', '/health/', '/a?b', '/a b', '/:name', '/*', null, '/%zz', '/%61', '/a/..', '/./a', '/..'],
  livenessPath: [true, 'live', '', '/', null],
  warningsAsErrors: ['yes', 0],
  sequential: [1],
  diskUsageMax: [-1, 101, '90', NaN],
  memoryMin: [-1, '100'],
  failureStatus: [200, 399, 600, 500.5, '500', { readiness: 200 }, { readiness: '503' }, [503]],
  timeout: [0, -1, 1.5, '3s', Infinity, null, 2 ** 31],
  deadline: [0, null, 'soon'],
  cacheFor: [-1, null, '1s', { readiness: -1 }, { readiness: 'x' }, [1]],
  details: [true, 'sometimes', null],
  drainSubsets: ['readiness', [1], null],
  logLevel: ['loud', 5],
  listen: [9000, 'localhost', { port: -1 }, { port: '80' }, { host: '' }, { socket: 'x' }, { port: 1, path: 'x' }, null],
  fleet: ['shop', null, []],
  routes: ['yes', null],
  service: ['name', 5, null],
  baseDir: ['', 5],
}

for (const [option, values] of Object.entries(wrong)) {
  test(`E001 tells where \`${option}\` is invalid`, async t => {
    for (const value of values) {
      const faults = settingsFaults(toSettings({ [option]: value } as unknown as HealthOptions))
      // Null counts as left out for none but the thresholds.
      t.match(faults, [{ id: 'E001', message: new RegExp(`^'${option}' is `), hint: /^It must be / }], `${JSON.stringify(value)}`)
      t.equal(faults.length, 1)
    }
  })
}

const right: Record<string, unknown[]> = {
  prefix: ['', '/', '/a', '/a/b', '/.well-known', '/a..b/...'],
  livenessPath: [false, '/live', '/a/live'],
  diskUsageMax: [0, 100, null],
  memoryMin: [0, null],
  listen: [undefined, {}, { port: 0 }, { port: 9000, host: '127.0.0.1' }, { path: '/run/probes.sock' }],
  fleet: [
    undefined,
    { name: 'shop' },
    { name: 'shop', client: 'redis.sessions', instance: 'a', ttl: 100, details: true },
    { name: 'shop', client: () => {} },
    { name: 'shop', client: {} },
    { name: 'shop', url: 'rediss://h:6380/1' },
  ],
  routes: [true, false],
  failureStatus: [400, 503, 599, {}, { readiness: 503 }],
  cacheFor: [0, 1000, {}, { readiness: 0 }],
  details: ['always', 'never', () => true],
  drainSubsets: [[], ['a', 'b']],
  service: [{}, { version: '1', releaseId: undefined }],
}

for (const [option, values] of Object.entries(right)) {
  test(`every way to give \`${option}\` is taken`, async t => {
    for (const value of values) t.strictSame(settingsFaults(toSettings({ [option]: value } as HealthOptions)), [], JSON.stringify(value))
  })
}

test('E001 names what is wrong within `fleet`', async t => {
  const faults = (fleet: object) => settingsFaults(toSettings({ fleet } as unknown as HealthOptions)).map(({ option, message }) => `${option}: ${message}`)
  t.strictSame(faults({}), ["fleet.name: 'fleet.name' is missing"])
  t.strictSame(faults({ name: 'a{b}', client: '', instance: '', ttl: 99, details: 'yes', url: 'http://h', nme: 1 }), [
    "fleet.name: 'fleet.name' is 'a{b}'",
    "fleet.client: 'fleet.client' is ''",
    "fleet.instance: 'fleet.instance' is ''",
    "fleet.ttl: 'fleet.ttl' is 99",
    "fleet.details: 'fleet.details' is 'yes'",
    "fleet.url: 'fleet.url' is a string that does not fit (not shown: it may hold credentials)",
    "fleet.nme: there is no option 'fleet.nme'",
    "fleet.client: both 'fleet.client' and 'fleet.url' are given",
  ])
  t.strictSame(faults({ name: 'a'.repeat(101), instance: 'a'.repeat(201), client: 5 }).length, 3)
  t.match(faults({ name: 'shop', client: 'redis://:secret@h' }), ["fleet.client: 'fleet.client' is a string that does not fit (not shown: it may hold credentials)"])
  t.strictSame(faults({ name: 'shop', client: 'redis', url: 'redis://h' }), ["fleet.client: both 'fleet.client' and 'fleet.url' are given"])
})

test('E003 tells where a subset stands in the way of the fleet', async t => {
  t.equal(nameFault('fleet'), undefined)
  t.match(nameFault('fleet', { name: 'shop' }), { id: 'E003', message: "'fleet' is where the fleet is shown" })
  t.equal(nameFault('fleets', { name: 'shop' }), undefined)
})

test('E001 names what is wrong within `service`', async t => {
  t.strictSame(settingsFaults(toSettings({ service: { verson: '1', version: '', releaseId: 5, serviceId: 'fine' } } as unknown as HealthOptions)), [
    { id: 'E001', option: 'service.verson', message: "there is no option 'service.verson'", hint: "Did you mean 'version'?" },
    { id: 'E001', option: 'service.version', message: "'service.version' is ''", hint: 'It must be a non-empty string.' },
    { id: 'E001', option: 'service.releaseId', message: "'service.releaseId' is 5", hint: 'It must be a non-empty string.' },
  ])
})

test('E001 suggests the nearest option for one that does not exist', async t => {
  t.strictSame(settingsFaults(toSettings({ timeuot: 5 } as HealthOptions)), [
    { id: 'E001', option: 'timeuot', message: "there is no option 'timeuot'", hint: "Did you mean 'timeout'?" },
  ])
})

test('every fault is told at once', async t => {
  t.equal(settingsFaults(toSettings({ timeout: 0, deadline: 0, prefix: 'x' })).length, 3)
})

test('E003 tells a name that is no path segment', async t => {
  for (const name of ['readiness', 'a-b_c.d~e', '__proto__', 'constructor', '2nd', '-', 'a..b']) t.equal(nameFault(name), undefined, name)
  for (const name of ['', '.', '..', '.hidden', 'a/b', 'a b', 'a?b', 'ä', ':a', 'a%20', 'a\n']) t.match(nameFault(name), { id: 'E003' }, name)
})

test('E003 tells a name that is longer than a parameter of the router may be', async t => {
  t.equal(nameFault('a'.repeat(100)), undefined)
  t.match(nameFault('a'.repeat(101)), { id: 'E003', message: `'${'a'.repeat(20)}…' has 101 characters`, hint: "Use 100 at most: Fastify's router takes no more." })
})

test('E003 tells a name that is another one but for case', async t => {
  t.equal(caseFault('readiness', ['readiness', 'ready']), undefined)
  t.match(caseFault('Readiness', ['readiness', 'Readiness']), { id: 'E003', message: "'Readiness' differs from 'readiness' by case only, which the router ignores" })
})

test('an entry may hold options of its own, whatever its check takes', async t => {
  t.strictSame(Object.keys(entryRules).sort(), ['after', 'cacheFor', 'critical', 'enabled', 'identifier', 'interval', 'maxFailures', 'maxStale', 'maxTimeInError', 'shared', 'timeout'])
})

test('settings that were valid are looked at again once anything of them changes, in place included', async t => {
  const settings = toSettings({ cacheFor: { readiness: 100 }, subsets: {} })
  const messages = () => settingsFaults(settings).map(({ message }) => message)
  t.strictSame(messages(), [])
  t.strictSame(messages(), [])
  Object.assign(settings.cacheFor, { readiness: -1 })
  t.strictSame(messages(), ["'cacheFor' is an object"])
  Object.assign(settings.cacheFor, { readiness: 1 })
  t.strictSame(messages(), [])
  Object.assign(settings, { timeout: 0 })
  t.strictSame(messages(), ["'timeout' is 0"])
})

test('a setting that is taken away is missing, but for the one without a default', async t => {
  const settings = toSettings({})
  const messages = () => settingsFaults(settings).map(({ message }) => message)
  t.strictSame(messages(), [])
  Object.assign(settings, { timeout: undefined })
  t.strictSame(messages(), ["'timeout' is missing"])
  Object.assign(settings, { timeout: 3000, deadline: 500 })
  t.strictSame(messages(), [])
  Object.assign(settings, { deadline: undefined })
  t.strictSame(messages(), [])
  Reflect.deleteProperty(settings, 'cacheFor')
  t.strictSame(messages(), ["'cacheFor' is missing"])
})

test('options that throw when they are read are named, and so is what they threw', async t => {
  const code = 'FST_HEALTH_INVALID_CONFIGURATION'
  t.throws(() => toSettings(revoked({})), { code, message: /^The options of fastify-health are an object that cannot be read\. They must be a plain object/ })
  t.throws(() => toSettings({ get timeout (): never { throw new Error('not now\nat all') } }), { code, message: "Reading the option 'timeout' threw not now. An option must be a value, not a getter that throws." })
  t.throws(() => toSettings({ service: unreadable({ version: '1' }) }), { code, message: /^Reading the option 'service' threw not now\./ })
  for (const subsets of [unreadable({ s: [] }), { s: unreadable(['x']) }]) t.throws(() => toSettings({ subsets }), { code, message: /^Reading the option 'subsets' threw not now\./ })
})

test('E001 tells an object that holds no options, such as a Map or a Promise', async t => {
  for (const option of ['subsets', 'service', 'listen', 'fleet', 'failureStatus', 'cacheFor']) {
    for (const value of [new Map([['readiness', 503]]), Promise.resolve({}), new Date()]) {
      t.match(settingsFaults(toSettings({ [option]: value } as HealthOptions)), [{ id: 'E001', option, message: `'${option}' is an object` }])
    }
    t.match(settingsFaults(toSettings({ [option]: revoked({}) } as HealthOptions)), [{ id: 'E001', option, message: `'${option}' is an object that cannot be read` }])
  }
})

test('a setting that cannot be read any more is E001', async t => {
  const settings = toSettings({})
  Object.assign(settings, { service: unreadable({ version: '1' }), cacheFor: unreadable({ readiness: 1 }) })
  t.match(settingsFaults(settings), [{ option: 'cacheFor', message: "looking at 'cacheFor' threw not now" }, { option: 'service.version', message: "looking at 'service.version' threw not now" }])
})
