import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { until } from './leaks.js'
import { freePort, type Scope } from './server.js'

/** A server that is stopped, with so many connections waiting that the system takes no more. */
export async function startDeaf (t: Scope) {
  const port = await freePort()
  const child = spawn(process.execPath, ['-e', `require('node:net').createServer().listen({ port: ${port}, host: '127.0.0.1', backlog: 1 }, () => console.log('listening'))`], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => { child.kill('SIGKILL') })
  await once(child.stdout, 'data')
  child.kill('SIGSTOP')
  const waiting = Array.from({ length: 8 }, () => connect({ port, host: '127.0.0.1' }))
  for (const socket of waiting) socket.on('error', () => {})
  t.after(() => { for (const socket of waiting) socket.destroy() })
  await until(() => waiting.filter(({ connecting }) => !connecting).length >= 2)
  return { pid: child.pid, port }
}
