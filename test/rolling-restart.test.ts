import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { createInterface } from 'node:readline'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { startHAProxy } from './helpers/haproxy.js'
import { until } from './helpers/leaks.js'
import { freePort } from './helpers/server.js'

const script = fileURLToPath(new URL('fixtures/draining-service.ts', import.meta.url))
const perSecond = 200

async function startInstance (t: Test, port: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [...process.execArgv, script], { env: { ...process.env, PORT: String(port), DRAIN: '2000' }, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => { child.kill('SIGKILL') })
  await once(createInterface(child.stdout!), 'line')
  return child
}

test('a rolling restart of two instances behind HAProxy, at 200 requests a second of keep-alive clients, loses none', async t => {
  const ports = [await freePort(), await freePort()]
  const instances = await Promise.all(ports.map(async port => await startInstance(t, port)))
  const proxy = await startHAProxy(t, `
backend shop
    balance roundrobin
    option httpchk GET /healthcheck/readiness
    default-server check inter 200ms fall 2 rise 2
    server shop-0 127.0.0.1:${ports[0]}
    server shop-1 127.0.0.1:${ports[1]}
`, 'shop')
  const isUp = async () => Object.values(await proxy.servers()).every(({ status }) => status === 'UP')
  await until(isUp)

  const agent = new http.Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  const answers: unknown[] = []
  const underWay = new Set<Promise<void>>()
  const ask = async () => {
    const [response] = await once(http.get(`${proxy.url}/orders`, { agent }), 'response') as [http.IncomingMessage]
    await textOf(response)
    return response.statusCode
  }
  const begun = performance.now()
  let sent = 0
  const load = setInterval(() => {
    for (; sent < (performance.now() - begun) / 1000 * perSecond; sent++) {
      const request = ask().then(status => { answers.push(status) }, error => { answers.push(error.message) }).finally(() => underWay.delete(request))
      underWay.add(request)
    }
  }, 5)
  await pause(500)
  for (const [index, port] of ports.entries()) {
    const child = instances[index] as ChildProcess
    child.kill('SIGTERM')
    t.strictSame(await once(child, 'exit'), [0, null])
    await startInstance(t, port)
    await until(isUp)
  }
  await pause(500)
  clearInterval(load)
  await Promise.all(underWay)

  t.ok(sent > 1000, `${sent} requests`)
  t.strictSame([...new Set(answers)], [200])
})
