import fastifyPostgres from '@fastify/postgres'
import pg from 'pg'
import t from 'tap'
import { canary, faultMatrix, throughRelay, type Subject } from '../helpers/fault-matrix.js'
import { startPostgres } from '../helpers/postgres.js'
import { startRelay } from '../helpers/relay.js'

t.test('PostgreSQL', async t => {
  const server = await startPostgres(t)
  const relay = await startRelay(t, server.port)
  const user = `${canary}-user`
  const password = `${canary}-password`
  const database = `${canary}-database`
  const connectionString = `postgres://${user}:${password}@127.0.0.1:${relay.port}/${database}?application_name=${canary}-application`

  const ask = async (...queries: string[]) => {
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    try {
      let rows: any[] = []
      for (const query of queries) rows = (await client.query(query)).rows
      return rows
    } finally {
      await client.end()
    }
  }
  await ask(`CREATE ROLE "${user}" LOGIN PASSWORD '${password}'`, `CREATE DATABASE "${database}" OWNER "${user}"`)

  const subject: Omit<Subject, 'name' | 'entry'> = {
    relay,
    census: async () => await ask(`SELECT count(*)::int AS connections FROM pg_stat_activity WHERE usename = '${user}'`),
    injections: {
      ...throughRelay(relay, server),
      credentials: {
        async inject () {
          await ask(`ALTER ROLE "${user}" PASSWORD 'other'`)
          await relay.refuse()
          await relay.pass()
        },
        recover: async () => await ask(`ALTER ROLE "${user}" PASSWORD '${password}'`),
      },
    },
  }
  await faultMatrix(t, { ...subject, name: 'PostgreSQL', entry: ['fastify-health/checks/postgres', { connectionString }] })
  await faultMatrix(t, {
    ...subject,
    name: 'PostgreSQL over app.pg',
    entry: 'fastify-health/checks/postgres',
    register: async app => await app.register(fastifyPostgres, { connectionString }),
  })
})
