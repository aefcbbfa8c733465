import { program } from './debian.js'
import { exchange, freePort, launch } from './server.js'
import type { Scope, Server } from './server.js'

export interface RedisOptions {
  /** What every client has to say first; none unless told. */
  password?: string
  /** How many databases it has; 16 unless told. */
  databases?: number
  /** Further arguments of redis-server. */
  args?: string[]
}

/** A Redis of its own, which keeps nothing over a restart. */
export async function startRedis (t: Scope, { password, databases = 16, args = [] }: RedisOptions = {}): Promise<Server> {
  const port = await freePort()
  const url = password === undefined ? `redis://127.0.0.1:${port}` : `redis://:${encodeURIComponent(password)}@127.0.0.1:${port}`
  const running = await launch(t, 'Redis', () => ({
    command: program('redis-server'),
    args: [
      '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--databases', String(databases),
      ...(password === undefined ? [] : ['--requirepass', password]),
      ...args,
    ],
    answers: () => exchange(port, `${password === undefined ? '' : command('AUTH', password)}${command('PING')}`, '+PONG'),
  }), { port })
  return Object.assign(running, { port, url })
}

function command (...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`
}
