import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { startFileHeartbeat } from '../../lib/heartbeat/index.js'
import { defaultFile } from '../../lib/heartbeat/common.js'
import { until } from '../helpers/leaks.js'

const long = new Date(Date.now() - 3_600_000)
const isFresh = (file: string) => Date.now() - statSync(file).mtimeMs < 1000

/** Runs a module in a process of its own, and gives what it wrote and how it ended. */
async function run (code: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [...process.execArgv, '--input-type=module', '--eval', code], { cwd: process.cwd(), env: { ...process.env, ...env }, timeout: 20_000 })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => { output += text })
  const [exitCode] = await once(child, 'close')
  return { exitCode, output }
}

const moduleUrl = JSON.stringify(new URL('../../lib/heartbeat/index.ts', import.meta.url).href)

test('starting is the first beat, and the file is there at once', async t => {
  const file = join(t.testdir(), 'beat')
  const heartbeat = startFileHeartbeat({ file })
  t.ok(isFresh(file))
  await heartbeat.stop()
})

test('it beats every interval', async t => {
  const file = join(t.testdir(), 'beat')
  const heartbeat = startFileHeartbeat({ file, interval: 20 })
  for (let i = 0; i < 3; i++) {
    utimesSync(file, long, long)
    await until(() => isFresh(file))
  }
  await heartbeat.stop()
})

test('it beats once a second unless told otherwise', async t => {
  const file = join(t.testdir(), 'beat')
  const heartbeat = startFileHeartbeat({ file })
  utimesSync(file, long, long)
  await sleep(700)
  t.notOk(isFresh(file))
  await until(() => isFresh(file), { timeout: 1500 })
  await heartbeat.stop()
})

test('a file that was removed is made again', async t => {
  const file = join(t.testdir(), 'beat')
  const heartbeat = startFileHeartbeat({ file, interval: 20 })
  rmSync(file)
  await until(() => existsSync(file))
  await heartbeat.stop()
})

test('a stop removes the file, and nothing makes it again', async t => {
  const file = join(t.testdir(), 'beat')
  const heartbeat = startFileHeartbeat({ file, interval: 1 })
  const last = heartbeat.beat()
  await Promise.all([heartbeat.stop(), heartbeat.stop()])
  await last
  t.notOk(existsSync(file))
  await heartbeat.beat()
  await sleep(30)
  t.notOk(existsSync(file))
})

test('a stop is fine where somebody else removed the file', async t => {
  const file = join(t.testdir(), 'beat')
  const failures: unknown[] = []
  const heartbeat = startFileHeartbeat({ file, onError: error => failures.push(error) })
  rmSync(file)
  await heartbeat.stop()
  t.same(failures, [])
})

test('without an interval only the worker\'s own beats count', async t => {
  const file = join(t.testdir(), 'beat')
  const heartbeat = startFileHeartbeat({ file, interval: false })
  t.ok(isFresh(file), 'starting is the first one')
  utimesSync(file, long, long)
  await sleep(100)
  t.notOk(isFresh(file))
  await heartbeat.beat()
  t.ok(isFresh(file))
  await heartbeat.stop()
})

test('beats while one is on its way are one with it', async t => {
  const file = join(t.testdir(), 'beat')
  const heartbeat = startFileHeartbeat({ file, interval: false })
  utimesSync(file, long, long)
  const before = process.getActiveResourcesInfo().length
  const beats = Array.from({ length: 1000 }, () => heartbeat.beat())
  t.ok(process.getActiveResourcesInfo().length - before <= 1)
  await Promise.all(beats)
  t.ok(isFresh(file))
  await heartbeat.stop()
})

test('a file that holds something keeps it', async t => {
  const file = join(t.testdir({ beat: 'somebody wrote this' }), 'beat')
  const heartbeat = startFileHeartbeat({ file })
  await heartbeat.beat()
  t.equal(readFileSync(file, 'utf8'), 'somebody wrote this')
  await heartbeat.stop()
})

test('the default file lies in the temporary folder', async t => {
  const folder = t.testdir()
  const { exitCode, output } = await run(`
    import { existsSync } from 'node:fs'
    const { startFileHeartbeat } = await import(${moduleUrl})
    const heartbeat = startFileHeartbeat()
    console.log(existsSync(${JSON.stringify(join(folder, 'fastify-health.heartbeat'))}))
    await heartbeat.stop()
  `, { TMPDIR: folder })
  t.match(output, 'true')
  t.equal(exitCode, 0)
  t.match(defaultFile, /fastify-health\.heartbeat$/)
})

test('it does not keep the process alive', async t => {
  const file = join(t.testdir(), 'beat')
  const { exitCode, output } = await run(`
    const { startFileHeartbeat } = await import(${moduleUrl})
    startFileHeartbeat({ file: ${JSON.stringify(file)}, interval: 5 })
  `)
  t.equal(exitCode, 0, output)
})

test('a blocked event loop stops the beat', async t => {
  const file = join(t.testdir(), 'beat')
  const heartbeat = startFileHeartbeat({ file, interval: 5 })
  await sleep(20)
  const end = performance.now() + 300
  while (performance.now() < end);
  t.ok(Date.now() - statSync(file).mtimeMs >= 280)
  await heartbeat.stop()
})

test('a folder that is missing is made', async t => {
  const file = join(t.testdir(), 'run', 'workers', 'beat')
  const heartbeat = startFileHeartbeat({ file, interval: false })
  t.ok(isFresh(file))
  t.equal(await heartbeat.beat(), true)
  await heartbeat.stop()
  t.equal(await heartbeat.beat(), false, 'after its end nothing is written')
})

test('a file that cannot be written throws at once', t => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'file'), '')
  t.throws(() => startFileHeartbeat({ file: join(folder, 'file', 'inner', 'beat') }), { code: 'ENOTDIR' })
  t.throws(() => startFileHeartbeat({ file: folder }), { code: 'EISDIR' })
  t.end()
})

test('a beat that fails later is told once, and again after one that succeeded', async t => {
  const folder = t.testdir({ inner: {} })
  const file = join(folder, 'inner', 'beat')
  const failures: NodeJS.ErrnoException[] = []
  const heartbeat = startFileHeartbeat({ file, interval: false, onError: error => failures.push(error as NodeJS.ErrnoException) })
  for (let i = 0; i < 2; i++) {
    rmSync(join(folder, 'inner'), { recursive: true })
    for (let beat = 0; beat < 3; beat++) t.equal(await heartbeat.beat(), false)
    t.same(failures.splice(0).map(({ code }) => code), ['ENOENT'])
    mkdirSync(join(folder, 'inner'))
    t.equal(await heartbeat.beat(), true)
    t.ok(isFresh(file))
  }
  rmSync(file)
  mkdirSync(file)
  writeFileSync(join(file, 'something'), '')
  await heartbeat.stop()
  t.equal(failures.length, 1, 'a stop that cannot remove the file is told, too')
})

test('a failure is a warning of the process that shows no path, unless told otherwise', async t => {
  const folder = t.testdir({ inner: {} })
  const file = join(folder, 'inner', 'beat')
  const heartbeat = startFileHeartbeat({ file, interval: false })
  const warned = once(process, 'warning')
  rmSync(join(folder, 'inner'), { recursive: true })
  await heartbeat.beat()
  const [warning] = await warned
  t.equal(warning.name, 'HeartbeatWarning')
  t.equal(warning.message, 'The heartbeat cannot be written: no such file or folder')
  mkdirSync(join(folder, 'inner'))
  await heartbeat.stop()
})

test('an onError that throws, or rejects, ends neither the worker nor the beats, and the failure is a warning', async t => {
  for (const onError of [() => { throw new Error('thrown') }, async () => { throw new Error('rejected') }]) {
    const folder = t.testdir({ inner: {} })
    const file = join(folder, 'inner', 'beat')
    const heartbeat = startFileHeartbeat({ file, interval: false, onError })
    const warned = once(process, 'warning')
    rmSync(join(folder, 'inner'), { recursive: true })
    await heartbeat.beat()
    const [warning] = await warned
    t.equal(warning.message, 'The heartbeat cannot be written: no such file or folder')
    mkdirSync(join(folder, 'inner'))
    await heartbeat.beat()
    t.ok(isFresh(file))
    await heartbeat.stop()
  }
})

test('options that cannot be used are an error that names each of them', t => {
  const start = (options: Record<string, unknown>) => () => startFileHeartbeat(options)
  t.throws(start({ file: '', interval: 0, onError: 'x' }), {
    code: 'FST_HEALTH_INVALID_CONFIGURATION',
    message: /'file' is ''[^]*'interval' is 0[^]*'onError' is 'x'/,
  })
  t.throws(start({ file: 'a\0b' }), { code: 'FST_HEALTH_INVALID_CONFIGURATION', message: /'file' is .* It must be the path of a file/ })
  t.throws(start({ intervall: 10 }), { message: "startFileHeartbeat: there is no option 'intervall'. Did you mean 'interval'?" })
  for (const interval of [-1, 1.5, NaN, Infinity, true, '1000', 2 ** 31]) t.throws(start({ interval }), { code: 'FST_HEALTH_INVALID_CONFIGURATION' })
  t.end()
})
