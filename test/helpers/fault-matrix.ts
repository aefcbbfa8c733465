import { tracingChannel, type ChannelListener } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import health, { defineCheck, type Entry, type Transition } from '../../lib/index.js'
import { faultTable, faults, type Cell, type Dependency, type Fault } from './fault-table.js'
import { eventually, until } from './leaks.js'
import type { Relay } from './relay.js'

/** Milliseconds: for what must answer, and for what cannot. */
const ample = 20_000
const short = 600
/** What a probe may take beyond its timeout, and one that finds out sooner what is wrong, on a machine that does much else. */
const noise = 1000
const soon = 5000
/** What closing may take. */
const closing = 1000

/** How long the relay holds back what is slower than the timeout. */
export const slow = 2 * short

const formats = ['html', 'json', 'plain', 'health+json', 'openmetrics']

/** Part of every secret: of users, passwords, databases, hosts of brokers, queries, headers. */
export const canary = 'canary'

export interface Injection {
  inject (): unknown
  /** Resolves once the dependency is as it was. */
  recover (): unknown
}

/** One dependency and its check. */
export interface Subject {
  readonly name: Dependency
  readonly entry: Entry
  /** Between the check and the dependency. */
  readonly relay?: Relay | undefined
  /** Registers the clients of the app that the check is over. */
  readonly register?: (app: FastifyInstance) => unknown
  /** How many connections the app itself has, which a check that hangs leaves open. */
  readonly ownConnections?: number
  /** What the dependency holds for its clients: connections, queues, keys, files. The same before the app starts and after it closes. */
  readonly census: () => unknown
  /** Whether it takes so long that it is made once for the whole row, not for each cell. */
  readonly isCensusSlow?: boolean
  readonly injections: Readonly<Partial<Record<Fault, Injection>>>
  /** Whether what hangs goes on for a while after the recovery, since the client of the app takes no signal. */
  readonly settlesLate?: boolean
  /** What the app does to its clients once nothing uses them any more. */
  readonly release?: () => void
}

/** What a relay and the process behind it can be made to do. */
export function throughRelay (relay: Relay, program: { freeze (): void, thaw (): void, restart (): Promise<void> }): Record<Exclude<Fault, 'credentials'>, Injection> {
  const recover = async () => await relay.pass()
  return {
    refused: { inject: async () => await relay.refuse(), recover },
    frozen: { inject: () => program.freeze(), recover: () => program.thaw() },
    silent: {
      async inject () {
        await relay.refuse()
        await relay.silence()
      },
      recover,
    },
    cut: { inject: async () => await relay.cut(1), recover },
    slow: { inject: async () => await relay.delay(slow), recover },
    restarted: { inject: async () => await program.restart(), recover () {} },
    flapping: { inject: async () => await relay.refuse(), recover },
  }
}

/** Shows every cell of a dependency's row. */
export async function faultMatrix (t: Test, subject: Subject): Promise<void> {
  const row: Record<Fault, Cell> = faultTable[subject.name]
  const before = await subject.census()
  for (const fault of Object.keys(faults) as Fault[]) {
    const cell = row[fault]
    await t.test(`${subject.name}: ${fault}`, async t => {
      if (typeof cell !== 'string') {
        t.comment(cell.because)
        t.notOk(subject.injections[fault], 'and nothing is done')
        return
      }
      const injection = subject.injections[fault]
      if (injection === undefined) throw new Error(`Nothing says how ${fault} comes about`)
      await show(t, subject, fault, injection, cell.replace('<n>', String(short)))
      if (subject.isCensusSlow !== true) await nothingLeft(t, subject, before)
    })
  }
  await nothingLeft(t, subject, before)
  const { relay, injections: { credentials } } = subject
  if (relay === undefined) return
  await t.test(`${subject.name}: given up at every step, a hundred times`, async t => {
    await isGivenUp(t, subject, relay)
    await nothingLeft(t, subject, before)
  })
  await t.test(`${subject.name}: closed while it runs`, async t => {
    await isClosed(t, subject)
    await nothingLeft(t, subject, before)
  })
  // Whether a client of the app ends its sockets is up to its driver.
  if (credentials === undefined || subject.register !== undefined) return
  await t.test(`${subject.name}: refused by a server that keeps the connection`, async t => {
    await isRefused(t, subject, relay, credentials)
    await nothingLeft(t, subject, before)
  })
}

/** Bytes of an answer that get through before nothing does any more. */
const steps = [0, 1, 2, 5, 9, 13, 25, 40, 64, 100, 160, 250, 400, 640, 1000, 1600, 2500, 4000, 6400, 10_000]
const impatient = 40

async function isGivenUp (t: Test, subject: Subject, relay: Relay): Promise<void> {
  const { app, probe } = await serve(t, subject)
  t.equal(await probe(ample), 'working')
  app.health.settings.timeout = impatient
  for (let run = 0; run < 100; run++) {
    await relay.stall(steps[run % steps.length] as number)
    await app.health.run('readiness')
  }
  await relay.pass()
  await letGo(subject, false)
  app.health.settings.timeout = ample
  await eventually(async () => { if (!(await app.health.run('readiness')).healthy) throw new Error('It does not recover') }, { timeout: ample })
  await app.close()
}

async function isClosed (t: Test, subject: Subject): Promise<void> {
  for (let wait = 0; wait < 10; wait++) {
    const { app } = await serve(t, subject)
    // A client of the app that is closed while it connects may leave its socket, whatever the check does.
    if (subject.register !== undefined) await app.health.run('readiness')
    const underWay = app.health.run('readiness')
    await sleep(wait)
    await app.close()
    await underWay
  }
}

async function isRefused (t: Test, subject: Subject, relay: Relay, { inject, recover }: Injection): Promise<void> {
  const { app, probe } = await serve(t, subject)
  t.equal(await probe(ample), 'working')
  await inject()
  relay.keepsClients = true
  for (let run = 0; run < 10; run++) t.notOk((await app.health.run('readiness')).healthy)
  await letGo(subject, false)
  relay.keepsClients = false
  await recover()
  await app.close()
}

async function nothingLeft (t: Test, { census, relay, release }: Subject, before: unknown): Promise<void> {
  await until(async () => isDeepStrictEqual(await census(), before), { interval: 200 }).catch(() => {})
  t.same(await census(), before, 'nothing is left')
  if (relay === undefined) return
  await until(() => {
    release?.()
    return relay.connections === 0
  })
}

async function show (t: Test, subject: Subject, fault: Fault, injection: Injection, expected: string): Promise<void> {
  const escaped = watchProcess(t)
  const executions = watchExecutions(t)
  const service = await serve(t, subject)
  const { app, probe } = service
  let isBroken = false
  const inject = async () => {
    isBroken = true
    await injection.inject()
  }
  const recover = async () => {
    await injection.recover()
    isBroken = false
  }
  t.teardown(async () => { if (isBroken) await recover() })

  t.equal(await probe(ample), 'working', 'healthy before')
  const hangs = expected.includes('timed out')
  const rounds = fault === 'flapping' ? 5 : 1
  for (let round = 0; round < rounds; round++) {
    await inject()
    if (expected === 'working') {
      t.equal(await probe(ample), 'working', 'healthy in the first probe after')
    } else {
      t.equal(await (hangs ? probe(short) : probe(ample, soon)), expected)
      await letGo(subject, hangs)
    }
    await recover()
    // One question at a time: of several, some may come before it has let go and some after.
    if (subject.settlesLate) await eventually(async () => { if (!(await app.health.run('readiness')).healthy) throw new Error('It still hangs') }, { timeout: ample })
    t.equal(await probe(ample), 'working', 'healthy in the first probe after')
  }

  if (expected !== 'working') await inject()
  app.health.settings.timeout = ample
  const underWay = app.inject('/healthcheck/readiness?format=json')
  await sleep(50)
  const begun = Date.now()
  await app.close()
  const took = Date.now() - begun
  t.ok(took < closing, `closed in ${took} ms`)
  await underWay
  if (isBroken) await recover()
  await until(() => executions.size === 0, { timeout: ample })
  t.same(service.leaks(), [], 'no secret is seen anywhere')
  t.same(escaped, [], 'no rejection and no exception went unhandled')
}

/** A check that hangs gives its connection up; one that was answered may keep it. */
async function letGo ({ relay, ownConnections = 0 }: Subject, hangs: boolean): Promise<void> {
  const kept = hangs ? 0 : 1
  if (relay !== undefined) await until(() => relay.connections <= ownConnections + kept)
}

function watchProcess (t: Test): unknown[] {
  const escaped: unknown[] = []
  const listeners: Record<string, (what: any) => void> = {
    unhandledRejection: reason => escaped.push(reason),
    uncaughtExceptionMonitor: error => escaped.push(error),
    // Drivers warn of other things, too.
    warning: warning => { if (warning.name === 'MaxListenersExceededWarning') escaped.push(warning) },
  }
  for (const [event, listener] of Object.entries(listeners)) {
    process.on(event, listener)
    t.teardown(() => process.off(event, listener))
  }
  return escaped
}

/** The executions that have not settled yet, those included that nobody waits for any more. */
function watchExecutions (t: Test): ReadonlySet<object> {
  const alive = new Set<object>()
  const channel = tracingChannel('fastify-health.check')
  const start = (execution: object) => { alive.add(execution) }
  const asyncEnd = (execution: object) => { alive.delete(execution) }
  channel.start.subscribe(start as ChannelListener)
  channel.asyncEnd.subscribe(asyncEnd as ChannelListener)
  t.teardown(() => {
    channel.start.unsubscribe(start as ChannelListener)
    channel.asyncEnd.unsubscribe(asyncEnd as ChannelListener)
  })
  return alive
}

const bystander = defineCheck({ identifier: 'Bystander', async check () { await sleep(1) } })

/** A service with the check and another one, and everything that anybody sees of it. */
async function serve (t: Test, { entry, relay, register }: Subject) {
  const seen: string[] = []
  const app = Fastify({ logger: { level: 'trace', stream: { write: (line: string) => { seen.push(line) } } } })
  t.teardown(async () => await app.close())
  await app.register(health, { timeout: ample, subsets: { readiness: [bystander, entry] } })
  await register?.(app)
  app.health.on('transition', (transition: Transition) => { seen.push(JSON.stringify(transition)) })
  await app.ready()
  seen.push(JSON.stringify(await app.health.systemChecks()))

  const get = async (format: string) => {
    const response = await app.inject(`/healthcheck/readiness?format=${encodeURIComponent(format)}`)
    seen.push(response.body, JSON.stringify(response.headers))
    return response
  }

  /** What the check says, when everybody asks at once. */
  const probe = async (timeout: number, limit = timeout + noise): Promise<string> => {
    app.health.settings.timeout = timeout
    const begun = Date.now()
    const [report, liveness, ...responses] = await Promise.all([
      app.health.run('readiness'),
      app.inject('/healthcheck/liveness'),
      ...formats.map(get),
    ])
    seen.push(JSON.stringify(report))
    t.ok(Date.now() - begun < limit, 'in time')
    t.equal(liveness.statusCode, 200)
    const other = report.results.find(({ identifier }) => identifier === 'Bystander')!
    t.equal(other.status, 'working', 'the other check is as healthy as before')
    t.ok(other.duration < short, 'and as quick')
    const own = report.results.find(result => result !== other)!
    t.same(responses.map(({ statusCode }) => statusCode), formats.map(format => report.healthy || format === 'openmetrics' ? 200 : 500), 'the formats agree')
    t.equal(responses[formats.indexOf('json')]!.json()[own.identifier], own.status)
    t.equal(report.healthy, own.status === 'working')
    return own.status
  }

  const secrets = [canary, ...relay === undefined ? [] : [`127.0.0.1:${relay.port}`]]
  const leaks = () => seen.filter(text => secrets.some(secret => text.includes(secret)))
  return { app, probe, leaks }
}
