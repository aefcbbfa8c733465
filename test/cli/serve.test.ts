import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import t from 'tap'
import { bin, command, fixtures } from '../helpers/command.js'
import { freePort } from '../helpers/server.js'

const addressOf = (line: string) => /^Serving the probes at (\S+)$/m.exec(line)?.[1] as string

t.test('it serves liveness and every subset of a configuration until it is told to end', async t => {
  const port = String(await freePort())
  const answers: unknown[] = []
  const untilStopped = async (printed: string) => {
    const address = addressOf(printed)
    t.equal(address, `http://127.0.0.1:${port}`)
    for (const path of ['liveness', 'heavy', 'light']) answers.push((await fetch(`${address}/healthcheck/${path}`)).status)
  }
  const ended = await command(['serve', '--port', port, '--host', '127.0.0.1', '--config', 'setup.config.js'], { untilStopped })
  t.match(ended, { status: 0, out: `Serving the probes at http://127.0.0.1:${port}\n`, err: /^health: Setups threw an unexpected error/ })
  t.strictSame(answers, [200, 200, 500])
  await t.rejects(fetch(`http://127.0.0.1:${port}/healthcheck/liveness`))
})

t.test('it serves those of an app, which does not listen itself', async t => {
  const port = String(await freePort())
  let status: number | undefined
  const untilStopped = async () => { status = (await fetch(`http://127.0.0.1:${port}/healthcheck/liveness`)).status }
  t.match(await command(['serve', '--port', port, '--app', 'healthy-app.js'], { untilStopped }), { status: 0, err: 'a word of the app itself\n' })
  t.equal(status, 200)
})

t.test('a configuration with errors is not served, and neither is an address that is taken', async t => {
  t.match(await command(['serve', '--port', String(await freePort())]), { status: 2, out: '', err: /E004/ })
  const taken = createServer()
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  t.match(await command(['serve', '--port', String(port), '--host', '127.0.0.1', '--config', 'setup.config.js']), { status: 2, out: '', err: /^The probes cannot listen at port \d+ of 127\.0\.0\.1/ })
})

t.test('an app that registers the plugin twice is told that one of them can be served', async t => {
  t.match(await command(['serve', '--port', String(await freePort()), '--app', 'twice-app.js']), { status: 2, err: /registers fastify-health 2 times.*one listener serves one of them/ })
})

t.test('SIGTERM ends it within a second, and nothing else does', async t => {
  const port = String(await freePort())
  const child = spawn(process.execPath, [...process.execArgv, bin, 'serve', '--port', port, '--host', '127.0.0.1', '--skip-checks'], { cwd: fixtures, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = await once(createInterface(child.stdout), 'line') as [string]
  t.equal((await fetch(`${addressOf(line)}/healthcheck/good`)).status, 200)
  t.equal(child.exitCode, null)
  const begun = performance.now()
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  t.equal(code, 0)
  t.ok(performance.now() - begun < 5000, 'on a machine that does much else')
})
