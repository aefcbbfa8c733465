import { chownSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { Certificate } from './certificates.js'
import { program } from './debian.js'
import { freePort, launch } from './server.js'
import type { Scope, Server, User } from './server.js'

export interface PostgresOptions {
  /** How many clients it lets in; 20 unless told. None is kept back for the superuser. */
  maxConnections?: number
  /** More of postgresql.conf. */
  settings?: Record<string, string>
  /** What stands in pg_hba.conf instead of what initdb writes. */
  access?: string
  /** What it presents where it is asked for TLS. */
  certificate?: Certificate
}

export interface Postgres extends Server {
  readonly user: string
  readonly password: string
  readonly database: string
}

/** A PostgreSQL of its own, with password authentication. The user of the URL is the superuser. */
export async function startPostgres (t: Scope, { maxConnections = 20, settings: more = {}, access: rules, certificate }: PostgresOptions = {}): Promise<Postgres> {
  const port = await freePort()
  const login = { user: 'health', password: 'correct-horse', database: 'postgres' }
  const url = `postgres://${login.user}:${login.password}@127.0.0.1:${port}/${login.database}`
  const running = await launch(t, 'PostgreSQL', async (place) => {
    const data = join(place.folder, 'data')
    const passwordFile = join(place.folder, 'password')
    writeFileSync(passwordFile, login.password, { mode: 0o644 })
    await place.run(program('initdb'), [
      '-D', data, '-U', login.user, '--pwfile', passwordFile, '--auth', 'scram-sha-256',
      '--encoding', 'UTF8', '--no-locale', '--no-sync', '--no-instructions',
    ])
    if (rules !== undefined) writeFileSync(join(data, 'pg_hba.conf'), `${rules}\n`)
    const [cert, key] = [join(place.folder, 'server.crt'), join(place.folder, 'server.key')]
    if (certificate !== undefined) {
      const user = unprivileged('postgres')
      writeFileSync(cert, certificate.cert, { mode: 0o644 })
      writeFileSync(key, certificate.key, { mode: 0o600 })
      if (user !== undefined) chownSync(key, user.uid, user.gid)
    }
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      port,
      max_connections: maxConnections,
      superuser_reserved_connections: 0,
      max_wal_senders: 0,
      wal_level: 'minimal',
      fsync: 'off',
      synchronous_commit: 'off',
      full_page_writes: 'off',
      autovacuum: 'off',
      // In its folder, not in /dev/shm, where a killed server would leave it behind.
      dynamic_shared_memory_type: 'mmap',
      ...(certificate === undefined ? {} : { ssl: 'on', ssl_cert_file: cert, ssl_key_file: key }),
      ...more,
    }
    return {
      command: program('postgres'),
      args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      // "Fast": it breaks off its clients instead of waiting for them to leave.
      stopSignal: 'SIGINT',
      async answers () {
        const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000, ssl: certificate !== undefined && { rejectUnauthorized: false } })
        // One that breaks off while it says goodbye would be an uncaught error.
        client.on('error', () => {})
        await client.connect()
        try {
          await client.query('SELECT 1')
        } finally {
          await client.end()
        }
      },
    }
  }, { port, user: unprivileged('postgres') })
  return Object.assign(running, { port, url, ...login })
}

/** Servers of databases refuse to be run by root. */
export function unprivileged (wanted: string): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'))
  const [, , uid, gid] = users.find(([name]) => name === wanted) ?? users.find(([name]) => name === 'nobody') ?? []
  if (uid === undefined || gid === undefined) throw new Error(`The server refuses to be run by root, and there is no user ${wanted} or nobody`)
  return { uid: Number(uid), gid: Number(gid) }
}
