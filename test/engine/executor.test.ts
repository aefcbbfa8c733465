import { test } from 'tap'
import { tracingChannel } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'
import { HealthCheck } from '../../lib/check.js'
import { parseEntry, resolveEntry, type ParsedEntry, type ResolvedEntry } from '../../lib/config/entry.js'
import { HealthCheckError, ServiceUnavailable, ServiceWarning } from '../../lib/errors.js'
import { Executor } from '../../lib/engine/executor.js'
import { toSettings } from '../../lib/config/options.js'
import { statusOf } from '../../lib/engine/report.js'
import type { Stoppable } from '../../lib/engine/execution.js'
import { StopSignal } from '../../lib/time/stop-signal.js'
import type { CheckContext } from '../../types/check.js'
import { recordedLog } from '../helpers/recorded-log.js'

type Act = (this: HealthCheck<any>, context: CheckContext) => unknown

function setUp (app?: FastifyInstance, onAppMissing?: () => void) {
  const recorded = recordedLog()
  const executor = new Executor(toSettings({}), recorded.log, app, onAppMissing)
  const execute = async (act: Act | ResolvedEntry, options: object = {}, signal = new AbortController().signal) => {
    return statusOf(await executor.execute(typeof act === 'function' ? entry(act, options) : act, under(signal), 100))
  }
  return { executor, execute, ...recorded }
}

/** An execution that the signal stops. */
function under (signal: AbortSignal): Stoppable {
  const stopping = new StopSignal()
  signal.addEventListener('abort', () => stopping.abort(signal.reason))
  return { signal, stopping }
}

function entry (act: Act, options: object = {}): ResolvedEntry {
  class A extends HealthCheck<any> {
    override check (context: CheckContext) { return act.call(this, context) }
  }
  return resolveEntry(parseEntry([A, options]) as ParsedEntry, A) as ResolvedEntry
}

test('a check that returns is working, whatever it returns and whenever, but for false', async t => {
  const { execute, lines } = setUp()
  for (const act of [() => {}, async () => {}, () => 0, async () => null, async () => new Error('returned, not thrown')]) t.equal(await execute(act), 'working')
  t.strictSame(lines, [])
  t.equal(await execute(() => false), 'unexpected result: the check returned false')
  t.equal(await execute(async function () {
    this.addError(new ServiceWarning('late'))
    return false
  }), 'warning: late\nunexpected result: the check returned false')
})

test('a check fails with what it throws and what it adds, in that order', async t => {
  const { execute } = setUp()
  t.equal(await execute(() => { throw new ServiceUnavailable('gone') }), 'unavailable: gone')
  t.equal(await execute(async function () {
    this.addError('low on fuel')
    this.addError(new ServiceWarning('late'))
    throw new ServiceUnavailable('gone')
  }), 'unknown error: low on fuel\nwarning: late\nunavailable: gone')
})

const odd: Array<[name: string, thrown: unknown]> = [
  ['a text', 'canary'],
  ['nothing', undefined],
  ['null', null],
  ['a number', 0],
  ['a symbol', Symbol('canary')],
  ['an object', { message: 'canary' }],
  ['an object without a text', Object.create(null)],
  ['an object whose text throws', { toString () { throw new Error('canary') } }],
  ['an error whose text is a getter that throws', Object.defineProperty(new Error('x'), 'message', { get () { throw new Error('canary') } })],
  ['an error of its own whose text is no text', Object.defineProperty(new HealthCheckError('x'), 'message', { value: 42 })],
  ['an error whose cause has no text', new Error('canary', { cause: Object.create(null) })],
  ['an error whose code and stack have no text', Object.assign(new Error('canary'), { code: Object.create(null), stack: Object.create(null) })],
  ['a proxy that throws at everything', new Proxy({}, { get () { throw new Error('canary') }, getPrototypeOf () { throw new Error('canary') } })],
  ['a promise', Promise.resolve('canary')],
]

for (const [name, thrown] of odd) {
  test(`${name} that is thrown is an unknown error, thrown at once or later`, async t => {
    const { execute, lines } = setUp()
    t.equal(await execute(() => { throw thrown }), 'unknown error')
    t.equal(await execute(async () => { throw thrown }), 'unknown error')
    t.ok(lines.length > 0, 'it leaves a line in the log')
    t.equal(await execute(function () { this.addError(thrown as Error) }), typeof thrown === 'string' ? 'unknown error: canary' : 'unknown error')
  })
}

test('what cannot be awaited or counted is an unknown error, too', async t => {
  const { execute } = setUp()
  t.equal(await execute(() => ({ then () { throw new Error('canary') } })), 'unknown error')
  t.equal(await execute(() => Object.defineProperty({}, 'then', { get () { throw new Error('canary') } })), 'unknown error')
  t.equal(await execute(function () { (this as unknown as { errors: unknown }).errors = 5 }), 'unknown error')
  t.equal(await execute(function () {
    (this as unknown as { errors: unknown }).errors = undefined
    throw new ServiceUnavailable('gone')
  }), 'unavailable: gone')
})

test('where a check throws for want of what it needs, that is told (E007)', async t => {
  const { execute, lines } = setUp()
  const needing = (requirements: HealthCheck['requirements']) => execute(function () {
    this.requirements = requirements
    throw new TypeError("Cannot read properties of undefined (reading 'canary')")
  })
  t.equal(await needing(() => [{ message: 'app.mail is not there', hint: '' }, { message: "the package 'mailer' cannot be loaded", hint: '' }]),
    "unknown error: E007 app.mail is not there; E007 the package 'mailer' cannot be loaded")
  t.equal(lines.length, 0)
  t.equal(await needing(async () => []), 'unknown error')
  t.equal(await needing(({ app }) => [{ message: String(app), hint: '' }]), 'unknown error')
  t.match(lines, [{ err: { type: 'TypeError' } }])
})

test('a check that throws is told so, though what it needs cannot be made out', async t => {
  const { execute, lines } = setUp()
  t.equal(await execute(function () {
    this.requirements = async () => await new Promise(() => {})
    throw new TypeError('Cannot read properties of undefined')
  }), 'unknown error')
  t.match(lines, [{ err: { type: 'TypeError' } }])
})

test('a check that heeds its signal is gone at once, whatever finding out what it needs would take', async t => {
  const { execute } = setUp()
  const stop = new AbortController()
  const answered = execute(async function ({ signal }) {
    this.requirements = async () => await new Promise(() => {})
    await new Promise((_resolve, reject) => { signal.addEventListener('abort', () => reject(signal.reason)) })
  }, {}, stop.signal)
  stop.abort(new Error('late'))
  t.equal(await Promise.race([answered, new Promise(resolve => { setImmediate(resolve, 'still running') })]), 'working')
})

test('of many errors a hundred are told, and how many more there are', async t => {
  const { execute } = setUp()
  const lines = (await execute(function () { for (let n = 0; n < 20_000; n++) this.addError(new ServiceWarning('late')) })).split('\n')
  t.equal(lines.length, 101)
  t.equal(lines.at(-1), 'warning: 19900 more')
  const mixed = await execute(function () {
    for (let n = 0; n < 100; n++) this.addError(new ServiceWarning('late'))
    this.addError(new ServiceUnavailable('gone'))
  })
  t.match(mixed, /\nunavailable: 1 more$/)
  t.match(await execute(function () { for (let n = 0; n < 101; n++) this.addError(new TypeError('broken')) }), /\nunknown error: 1 more$/)
})

test('a constructor that throws only now is an unknown error', async t => {
  const { execute } = setUp()
  let made = 0
  class Once extends HealthCheck {
    constructor (options: object) {
      super(options)
      if (made++ > 0) throw new Error('canary')
    }

    override check () {}
  }
  t.equal(await execute(resolveEntry(parseEntry(Once) as ParsedEntry, Once) as ResolvedEntry), 'unknown error')
})

test('a logger that throws does not disturb', async t => {
  const { log } = recordedLog()
  const executor = new Executor(toSettings({}), { ...log, error: () => { throw new Error('disk full') } }, undefined)
  t.equal(statusOf(await executor.execute(entry(() => { throw new Error('x') }), under(new AbortController().signal), 100)), 'unknown error')
})

test('every run has an instance of its own, and a copy of the options all the way down', async t => {
  const { execute } = setUp()
  const client = new Map()
  const options = { list: ['one'], nested: { deep: [1] }, client, identifier: 'A' }
  const seen: HealthCheck[] = []
  const changing = entry(function () {
    seen.push(this)
    t.strictSame(this.options, options)
    t.equal(this.options.client, client)
    this.options.list.push('more')
    this.options.nested.deep.length = 0
    this.options.identifier = 'B'
  }, options)
  for (let run = 0; run < 3; run++) t.equal(await execute(changing), 'working')
  t.equal(new Set(seen).size, 3)
  t.strictSame(options, { list: ['one'], nested: { deep: [1] }, client, identifier: 'A' })
})

test('a check is given signal, timeout, settings, a logger of its own, and what is kept between runs', async t => {
  const { execute, executor, lines } = setUp()
  const { signal } = new AbortController()
  let made = 0
  const closed: number[] = []
  const keeping = entry(async context => {
    t.equal(context.signal, signal)
    t.equal(context.timeout, 100)
    t.equal(context.settings.timeout, 3000)
    context.log.info('asked')
    await context.resources.get('connection', () => ++made, connection => { closed.push(connection) })
  })
  await execute(keeping, {}, signal)
  await execute(keeping, {}, signal)
  t.match(lines, [{ check: 'A', msg: 'asked' }, { check: 'A', msg: 'asked' }])
  t.equal(made, 1)
  await executor.close()
  t.strictSame(closed, [1])
})

test('a check is given the app', async t => {
  const app = {} as FastifyInstance
  t.equal(await setUp(app).execute(context => { t.equal(context.app, app) }), 'working')
})

test('where there is no app, only a check that asks for it fails, and that is told', async t => {
  let missing = 0
  const { execute, executor, lines } = setUp(undefined, () => { missing++ })
  t.equal(await execute(({ settings }) => { t.ok(settings) }), 'working')
  t.equal(missing, 0)
  t.equal(await execute(({ app }) => app), 'unknown error')
  t.equal(missing, 1)
  t.match(lines, [{ err: { code: 'FST_HEALTH_NO_APP', message: /give it a connection of its own/ } }])
  t.throws(() => executor.requirementsContext().app, { code: 'FST_HEALTH_NO_APP' })
  t.throws(() => setUp().executor.requirementsContext().app, { code: 'FST_HEALTH_NO_APP' })
})

test('an unexpected error is logged with type, code, stack and cause, and without secrets', async t => {
  const { execute, lines } = setUp()
  const secret = 'canary-password'
  const url = `redis://canary-user:${secret}@canary.internal:6379/canary-path`
  const cause = new Error(`refused by ${url}`)
  await execute(() => {
    throw Object.assign(new TypeError(`cannot reach ${url}, or canary.internal, with ${secret}`, { cause }), { code: `E_${secret}` })
  }, { url })
  t.match(lines, [{
    level: 'error',
    check: 'A',
    msg: 'health: A threw an unexpected error',
    err: { type: 'TypeError', message: 'cannot reach [redacted], or [redacted], with [redacted]', code: 'E_[redacted]', stack: /TypeError/, cause: { type: 'Error', message: 'refused by [redacted]' } },
  }])
  t.notMatch(JSON.stringify(lines), /canary/)
})

test('a message of a check\'s own is told without the secrets of its options', async t => {
  const { execute } = setUp()
  const status = await execute(() => { throw new ServiceUnavailable('no access to https://canary.internal with canary-token') }, { token: 'canary-token' })
  t.equal(status, 'unavailable: no access to [redacted] with [redacted]')
})

test('expected failures without a cause are not logged', async t => {
  const { execute, lines } = setUp()
  await execute(() => { throw new ServiceUnavailable('gone') })
  t.strictSame(lines, [])
})

test('the cause of an expected failure is logged once, whole and without secrets, until the check works again', async t => {
  const { execute, lines } = setUp()
  const attempts = [new Error('refused by canary-host'), Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' })]
  const cause = new Error('no connection', { cause: new AggregateError(attempts, 'all addresses failed') })
  let broken = true
  const failing = entry(() => { if (broken) throw new ServiceUnavailable('gone', { cause }) }, { url: 'redis://canary-host' })
  for (let run = 0; run < 3; run++) t.equal(await execute(failing), 'unavailable: gone')
  t.match(lines, [{
    level: 'warn',
    check: 'A',
    msg: 'health: A failed: unavailable: gone',
    err: { message: 'no connection', cause: { message: 'all addresses failed', errors: [{ message: 'refused by [redacted]' }, { message: 'no route', code: 'EHOSTUNREACH' }] } },
  }])
  t.equal(lines.length, 1)
  broken = false
  await execute(failing)
  broken = true
  await execute(failing)
  t.equal(lines.length, 2)
})

test('a cause that cannot be read, and what a driver quotes in one, is logged without it', async t => {
  const { execute, lines } = setUp()
  const unreadable = Object.defineProperty(new Error('x'), 'message', { get () { throw new Error('canary') } })
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const quoting = new Error('password authentication failed for user "canary", open \'/canary/file\'')
  for (const cause of [unreadable, proxy, quoting]) t.equal(await execute(() => { throw new ServiceUnavailable('gone', { cause }) }), 'unavailable: gone')
  t.match(lines, [
    { err: { type: 'Error', message: 'undefined' } },
    { err: { type: 'object', message: 'something that has no text' } },
    { err: { message: 'password authentication failed for user [redacted], open [redacted]' } },
  ])
  t.notMatch(JSON.stringify(lines), /canary/)
})

test('what fails at the network is told in the words of the built-in checks, whoever throws it', async t => {
  const { execute, lines } = setUp()
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:80'), { code: 'ECONNREFUSED' })
  t.equal(await execute(() => { throw refused }), 'unavailable: connection refused')
  t.equal(await execute(() => { throw new TypeError('fetch failed', { cause: refused }) }), 'unavailable: connection refused')
  t.equal(await execute(() => { throw new AggregateError([refused]) }), 'unavailable: connection refused')
  t.equal(await execute(function () { this.addError(refused) }), 'unavailable: connection refused')
  t.equal(await execute(() => { throw Object.assign(new Error('x'), { code: 'CERT_HAS_EXPIRED' }) }), 'unavailable: certificate not trusted')
  t.ok(lines.every(({ level }) => level === 'warn'))
  t.equal(lines.length, 5, 'each has the error that was thrown in the log')
})

test('the same unexpected error is logged once, until it stops', async t => {
  const { execute, lines } = setUp()
  let broken = true
  let port = 5000
  const failing = entry(function () {
    if (!broken) return
    this.addError(new Error(`refused from port ${port++}`))
    throw new TypeError('cannot read')
  })
  for (let run = 0; run < 10; run++) await execute(failing)
  t.strictSame(lines.map(({ err }) => err.message), ['refused from port 5000', 'cannot read'])
  broken = false
  await execute(failing)
  broken = true
  await execute(failing)
  t.equal(lines.length, 4)
})

test('a check that throws another text each time does not flood the log', async t => {
  const { execute, lines } = setUp()
  let text = ''
  const failing = entry(() => { throw new Error(text += 'x') })
  for (let run = 0; run < 100; run++) await execute(failing)
  t.equal(lines.length, 10)
})

test('texts that differ by a number, a quoted name or a path are one text', async t => {
  const { execute, lines } = setUp()
  let text = ''
  const failing = entry(() => { throw new Error(text) })
  for (const random of ["'a' is gone", "'b' is gone"]) { text = random; await execute(failing) }
  for (const random of ['no /tmp/abc', 'no /tmp/xyz']) { text = random; await execute(failing) }
  for (const random of ['request 8f3a failed', 'request 77c1 failed']) { text = random; await execute(failing) }
  t.equal(lines.length, 3)
})

test('an error of many causes is logged with the first ten', async t => {
  const { execute, lines } = setUp()
  let error = new Error('the last')
  for (let depth = 0; depth < 20; depth++) error = new Error(`at ${depth}`, { cause: error })
  await execute(() => { throw error })
  let depth = 0
  for (let at = lines[0]?.err; at.cause !== undefined; at = at.cause) depth++
  t.equal(depth, 10)
})

test('once aborted, nothing that a check throws is told or logged', async t => {
  const { execute, lines } = setUp()
  const controller = new AbortController()
  t.equal(await execute(() => {
    controller.abort(new Error('too late'))
    controller.signal.throwIfAborted()
  }, {}, controller.signal), 'working')
  t.strictSame(lines, [])
})

test('every execution can be traced', async t => {
  const { execute } = setUp()
  const channel = tracingChannel<unknown, { identifier: string, result?: unknown }>('fastify-health.check')
  const traced: unknown[] = []
  const subscribers = {
    start: (message: object) => { traced.push(['start', (message as { identifier: string }).identifier]) },
    end () {},
    asyncStart () {},
    asyncEnd: (message: object) => { traced.push(['end', (message as { result: unknown }).result]) },
    error () {},
  }
  channel.subscribe(subscribers)
  t.teardown(() => channel.unsubscribe(subscribers))
  await execute(() => { throw new ServiceUnavailable('gone') })
  t.strictSame(traced, [['start', 'A'], ['end', [{ kind: 'unavailable', message: 'gone' }]]])
})
