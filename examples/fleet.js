// A fleet: three instances of a service and a worker, which know each other through Redis. Run it with `node examples/fleet.js`, after
// `npm run build`. It starts a Redis of its own (redis-server has to be installed), unless REDIS_URL names one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const { PORT = '3000' } = process.env
const folder = await mkdtemp(join(tmpdir(), 'fleet-'))
const children = []

process.exitCode = await main().catch(error => {
  console.error(error.message)
  return 1
})
for (const child of children) child.kill()
await rm(folder, { recursive: true, force: true })

async function main () {
  const stopped = new Promise(resolve => { for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve(0)) })
  const REDIS_URL = process.env.REDIS_URL ?? await startRedis()
  // 0 takes a free port for each.
  for (const index of [0, 1, 2]) run('fleet-instance.js', { REDIS_URL, NAME: `web-${index + 1}`, PORT: String(Number(PORT) && Number(PORT) + index) })
  run('fleet-worker.js', { REDIS_URL, NAME: 'worker-1' })
  return await stopped
}

function run (file, env) {
  children.push(spawn(process.execPath, [join(import.meta.dirname, file)], { env: { ...process.env, ...env }, stdio: 'inherit' }))
}

async function startRedis () {
  const port = await freePort()
  const redis = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(redis)
  const failed = once(redis, 'error').then(() => { throw new Error('There is no redis-server: install it (apt install redis-server, brew install redis), or set REDIS_URL.') })
  const ready = (async () => { for await (const line of redis.stdout) if (String(line).includes('Ready to accept connections')) return })()
  await Promise.race([ready, failed])
  redis.stdout.resume()
  return `redis://127.0.0.1:${port}`
}

async function freePort () {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}
