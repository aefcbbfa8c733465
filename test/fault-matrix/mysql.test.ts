import mysql from 'mysql2/promise'
import t from 'tap'
import { canary, faultMatrix, throughRelay, type Subject } from '../helpers/fault-matrix.js'
import { startMariaDB } from '../helpers/mariadb.js'
import { startRelay } from '../helpers/relay.js'

t.test('MySQL', async t => {
  const server = await startMariaDB(t)
  const relay = await startRelay(t, server.port)
  const [user, password, database] = [`${canary}-user`, `${canary}-password`, `${canary}-database`]
  const url = `mysql://${user}:${password}@127.0.0.1:${relay.port}/${database}`
  await server.admin(`CREATE DATABASE \`${database}\``)
  await server.admin(`CREATE USER '${user}'@'127.0.0.1' IDENTIFIED BY '${password}'`)
  await server.admin(`GRANT ALL ON \`${database}\`.* TO '${user}'@'127.0.0.1'`)

  const subject: Omit<Subject, 'name' | 'entry'> = {
    relay,
    census: async () => await server.admin(`SELECT count(*) AS sessions FROM information_schema.processlist WHERE user = '${user}'`),
    injections: {
      ...throughRelay(relay, server),
      credentials: {
        async inject () {
          await server.admin(`ALTER USER '${user}'@'127.0.0.1' IDENTIFIED BY 'other'`)
          await relay.refuse()
          await relay.pass()
        },
        recover: async () => await server.admin(`ALTER USER '${user}'@'127.0.0.1' IDENTIFIED BY '${password}'`),
      },
    },
  }
  await faultMatrix(t, { ...subject, name: 'MySQL', entry: ['fastify-health/checks/mysql', { url }] })
  await faultMatrix(t, {
    ...subject,
    name: 'SQL over app.db',
    entry: ['fastify-health/checks/sql', { client: 'db' }],
    ownConnections: Infinity,
    settlesLate: true,
    register (app) {
      const pool = mysql.createPool({ uri: url, connectTimeout: 3000 })
      app.decorate('db', pool)
      // Its goodbye waits for a server that hangs.
      app.addHook('onClose', async () => { pool.end().catch(() => {}) })
    },
  })
})
