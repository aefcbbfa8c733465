import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { program } from './debian.js'
import { unprivileged, type Postgres } from './postgres.js'
import { exchange, freePort, launch } from './server.js'
import type { Scope, Server } from './server.js'
import type { Certificate } from './certificates.js'
import pg from 'pg'

export interface PgBouncer extends Server {
  /** Its console, such as for `DISABLE shop`. */
  admin (command: string): Promise<void>
}

/** A pgbouncer of its own before a PostgreSQL, whose database `postgres` it calls `shop`. `settings` are of its section. */
export async function startPgBouncer (t: Scope, server: Postgres, settings: Record<string, string | number> = {}, certificate?: Certificate): Promise<PgBouncer> {
  const port = await freePort()
  const { user, password } = server
  const urlOf = (database: string) => `postgres://${user}:${password}@127.0.0.1:${port}/${database}`
  const running = await launch(t, 'pgbouncer', ({ folder }) => {
    writeFileSync(join(folder, 'users'), `"${user}" "${password}"\n`, { mode: 0o644 })
    if (certificate !== undefined) {
      writeFileSync(join(folder, 'server.crt'), certificate.cert, { mode: 0o644 })
      writeFileSync(join(folder, 'server.key'), certificate.key, { mode: 0o644 })
    }
    const tls = certificate === undefined ? {} : { client_tls_sslmode: 'require', client_tls_cert_file: join(folder, 'server.crt'), client_tls_key_file: join(folder, 'server.key') }
    const all = {
      listen_addr: '127.0.0.1',
      listen_port: port,
      unix_socket_dir: '',
      auth_type: 'plain',
      auth_file: join(folder, 'users'),
      admin_users: user,
      pool_mode: 'transaction',
      ...tls,
      ...settings,
    }
    writeFileSync(join(folder, 'pgbouncer.ini'), [
      '[databases]',
      `shop = host=127.0.0.1 port=${server.port} dbname=postgres`,
      '[pgbouncer]',
      ...Object.entries(all).map(([name, value]) => `${name} = ${value}`),
    ].join('\n'), { mode: 0o644 })
    return {
      command: program('pgbouncer'),
      args: [join(folder, 'pgbouncer.ini')],
      // It ends at once.
      stopSignal: 'SIGTERM',
      // What it says to a message that is none.
      answers: async () => await exchange(port, '\0\0\0\x08\0\0\0\0', ''),
    }
  }, { port, user: unprivileged('postgres') })
  return Object.assign(running, {
    port,
    url: urlOf('shop'),
    async admin (command: string) {
      const client = new pg.Client({ connectionString: urlOf('pgbouncer') })
      await client.connect()
      try {
        await client.query(command)
      } finally {
        await client.end()
      }
    },
  })
}
