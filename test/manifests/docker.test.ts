import { spawn } from 'node:child_process'
import { once } from 'node:events'
import Fastify from 'fastify'
import { test } from 'tap'
import fastifyHealth, { defineCheck } from '../../lib/index.js'
import { docker } from '../../lib/manifests/docker.js'
import { freePort } from '../helpers/server.js'
import { everySubset, inputOf, taking } from '../helpers/manifests.js'

/** Every HEALTHCHECK of it, those in comments included, with its command as Docker parses it. */
function instructionsOf (text: string) {
  return [...text.matchAll(/^(# )?HEALTHCHECK (.*) CMD (.*)$/gm)].map(([, comment, flags, command]) => {
    return { active: comment === undefined, flags, command: JSON.parse(command!) as string[] }
  })
}

async function exitCodeOf ([command, ...args]: readonly string[]): Promise<number | null> {
  const [code] = await once(spawn(command!, args, { stdio: 'ignore', env: { PATH: process.env['PATH'] } }), 'exit')
  return code
}

test('an image has one HEALTHCHECK, of liveness, and how to ask readiness is beside it', async t => {
  const [liveness, readiness, ...rest] = instructionsOf(docker(await inputOf(everySubset)))
  t.match(liveness, { active: true, flags: '--interval=10s --timeout=3s --start-period=120s --retries=3' })
  t.match(readiness, { active: false, flags: '--interval=10s --timeout=5s --start-period=120s --retries=3' })
  t.match(liveness!.command[2], '/healthcheck/liveness')
  t.match(readiness!.command[2], '/healthcheck/readiness')
  t.strictSame(rest, [])
})

test('every other line of it is a comment', async t => {
  const lines = docker(await inputOf(everySubset)).split('\n')
  t.equal(lines.filter(line => line !== '' && !line.startsWith('# ')).length, 1)
})

test('a worker is asked through the command', async t => {
  const [liveness, readiness] = instructionsOf(docker(await inputOf(everySubset, { kind: 'worker' })))
  t.strictSame(liveness, {
    active: true,
    flags: '--interval=30s --timeout=3s --start-period=120s --retries=3',
    command: ['node_modules/.bin/fastify-health', '--subset', 'liveness'],
  })
  t.strictSame(readiness!.command, ['node_modules/.bin/fastify-health', '--subset', 'readiness'])
})

test('readiness is asked where there is no liveness', async t => {
  const [readiness, ...rest] = instructionsOf(docker(await inputOf({ livenessPath: false, subsets: { readiness: [taking(20_000)] } })))
  t.match(readiness, { active: true, flags: '--interval=21s --timeout=21s --start-period=120s --retries=3' })
  t.strictSame(rest, [])
})

test('a configuration that has nothing to ask is refused', async t => {
  const input = await inputOf({}, { kind: 'worker' })
  t.throws(() => docker(input), { code: 'FST_HEALTH_USAGE', message: 'There is nothing that HEALTHCHECK could ask: make a subset named liveness or readiness.' })
})

test('the command needs nothing but Node, and tells up from down', async t => {
  const port = await freePort()
  let broken = false
  const check = defineCheck({ identifier: 'A', check () { if (broken) throw new Error('no') } })
  const options = { prefix: '/it\'s-"up"$', subsets: { readiness: [check] } }
  const [liveness, readiness] = instructionsOf(docker(await inputOf(options, { port }))).map(({ command }) => command)
  t.equal(await exitCodeOf(liveness!), 1, 'nothing listens')

  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyHealth, options)
  await app.listen({ host: '127.0.0.1', port })
  t.equal(await exitCodeOf(liveness!), 0)
  t.equal(await exitCodeOf(readiness!), 0)
  broken = true
  t.equal(await exitCodeOf(liveness!), 0)
  t.equal(await exitCodeOf(readiness!), 1)
})
