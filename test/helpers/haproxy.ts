import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { program } from './debian.js'
import { freePort, launch } from './server.js'
import type { Scope, Server } from './server.js'

/** What HAProxy makes of a server, in the words of its statistics. */
export interface Verdict {
  /** `UP`, `DOWN`, or on the way: `UP 1/2`. */
  status: string
  /** What the last check came to: `L7OK`, `L7STS`, `L7TOUT`, `L4CON` … */
  lastCheck: string
  /** Checks that failed while the server was up. */
  failures: number
}

export interface HAProxy extends Server {
  /** By `<backend>/<server>`. */
  servers (): Promise<Record<string, Verdict>>
}

/**
 * An HAProxy with one frontend, where `url` leads.
 *
 * @param backends what its configuration says after that
 * @param backend the name of the one that serves the frontend
 */
export async function startHAProxy (t: Scope, backends: string, backend: string): Promise<HAProxy> {
  const port = await freePort()
  let statistics = ''
  const running = await launch(t, 'HAProxy', ({ folder }) => {
    statistics = join(folder, 'stats.sock')
    writeFileSync(join(folder, 'haproxy.cfg'), `
global
    stats socket ${statistics} level user

defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s

frontend www
    bind 127.0.0.1:${port}
    default_backend ${backend}

${backends}`)
    return {
      command: program('haproxy'),
      args: ['-db', '-f', join(folder, 'haproxy.cfg')],
      answers: async () => await ask(statistics, 'show info'),
    }
  }, { port })
  return Object.assign(running, {
    port,
    url: `http://127.0.0.1:${port}`,
    servers: async () => verdictsIn(await ask(statistics, 'show stat')),
  })
}

/** https://docs.haproxy.org/2.6/management.html#9.3 */
async function ask (socketPath: string, command: string): Promise<string> {
  const socket = connect(socketPath)
  try {
    await once(socket, 'connect')
    socket.write(`${command}\n`)
    return await text(socket)
  } finally {
    socket.destroy()
  }
}

/** https://docs.haproxy.org/2.6/management.html#9.1 */
function verdictsIn (csv: string): Record<string, Verdict> {
  const [names = [], ...rows] = csv.replace('# ', '').trim().split('\n').map(line => line.split(','))
  const servers = rows
    .map(row => Object.fromEntries(names.map((name, at) => [name, row[at] ?? ''])))
    .filter(({ svname }) => svname !== 'FRONTEND' && svname !== 'BACKEND')
  return Object.fromEntries(servers.map(row => [`${row['pxname']}/${row['svname']}`, {
    status: `${row['status']}`,
    // An asterisk says that the next check is on its way.
    lastCheck: `${row['check_status']}`.replace('* ', ''),
    failures: Number(row['chkfail']),
  }]))
}
