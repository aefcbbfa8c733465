import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import mysql from 'mysql2/promise'
import { program } from './debian.js'
import { unprivileged } from './postgres.js'
import { freePort, launch } from './server.js'
import type { Scope, Server } from './server.js'

export interface MariaDB extends Server {
  readonly user: string
  readonly password: string
  /** Runs a statement as somebody who may do everything. */
  admin (sql: string): Promise<unknown>
}

/** A MariaDB of its own, with a user who has a password and one database. */
export async function startMariaDB (t: Scope): Promise<MariaDB> {
  const port = await freePort()
  const access = { user: 'health', password: 'correct-horse' }
  const admin = async (sql: string) => {
    const connection = await mysql.createConnection({ host: '127.0.0.1', port, user: 'admin', password: 'of the tests', connectTimeout: 2000 })
    try {
      return (await connection.query(sql))[0]
    } finally {
      connection.destroy()
    }
  }
  const running = await launch(t, 'MariaDB', async place => {
    const data = join(place.folder, 'data')
    const setUp = join(place.folder, 'set-up.sql')
    writeFileSync(setUp, [
      'CREATE DATABASE IF NOT EXISTS shop;',
      "CREATE USER IF NOT EXISTS admin@'127.0.0.1' IDENTIFIED BY 'of the tests';",
      "GRANT ALL ON *.* TO admin@'127.0.0.1' WITH GRANT OPTION;",
      `CREATE USER IF NOT EXISTS ${access.user}@'127.0.0.1' IDENTIFIED BY '${access.password}';`,
      `GRANT ALL ON shop.* TO ${access.user}@'127.0.0.1';`,
      '',
    ].join('\n'), { mode: 0o644 })
    await place.run(program('mariadb-install-db'), ['--no-defaults', `--datadir=${data}`, '--skip-test-db', '--skip-name-resolve', '--auth-root-authentication-method=normal'])
    return {
      command: program('mariadbd'),
      args: [
        '--no-defaults', `--datadir=${data}`, `--port=${port}`, '--bind-address=127.0.0.1', `--socket=${join(place.folder, 'socket')}`,
        `--pid-file=${join(place.folder, 'pid')}`, `--init-file=${setUp}`, '--skip-name-resolve', '--skip-log-bin',
        '--innodb-flush-log-at-trx-commit=0', '--innodb-buffer-pool-size=16M', '--max-connections=50',
      ],
      answers: async () => await admin('SELECT 1'),
    }
  }, { port, user: unprivileged('mysql') })
  return Object.assign(running, { port, url: `mysql://${access.user}:${access.password}@127.0.0.1:${port}/shop`, ...access, admin })
}
