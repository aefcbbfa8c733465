import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import Fastify from 'fastify'
import knex from 'knex'
import { test } from 'tap'
import { SQLCheck, type SQLOptions } from '../../lib/checks/sql.js'
import { createHealth } from '../../lib/index.js'
import { temporaryFolder } from '../helpers/example.js'
import { recordedLog } from '../helpers/recorded-log.js'

/** Its types are not installed either. */
const { default: Database } = await import('better-sqlite3' as string)
const { log } = recordedLog()

test('SQLite over better-sqlite3, and over Drizzle and Knex with it', async t => {
  const filename = join(temporaryFolder(t), 'shop.db')
  const database = new Database(filename, { timeout: 0 })
  const query = knex({ client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true })
  const clients = { 'better-sqlite3': database, Drizzle: drizzle({ client: database }), Knex: query }
  const ask = async (client: object, options: Partial<SQLOptions> = {}) => {
    const health = createHealth({ subsets: { shop: [[SQLCheck, { client, ...options }]] } }, { app: Fastify(), log })
    const { status } = (await health.run('shop')).results[0]!
    await health.close()
    return status
  }
  for (const isReadOnly of [false, true]) {
    const other = new Database(filename, { timeout: 0 })
    other.exec('BEGIN EXCLUSIVE')
    t.equal(await ask(database, { query: 'SELECT * FROM sqlite_master' }), 'unavailable: database is locked')
    other.exec('ROLLBACK')
    other.close()
    database.pragma(`query_only = ${isReadOnly}`)
    await query.raw(`PRAGMA query_only = ${isReadOnly}`)
    for (const [name, client] of Object.entries(clients)) {
      t.equal(await ask(client), 'working', name)
      t.equal(await ask(client, { writable: true }), isReadOnly ? 'unavailable: read only' : 'working', `${name}: writable`)
      t.equal(await ask(client, { query: 'SELECT FROM WHERE' }), 'unavailable: query has a syntax error', name)
      t.equal(await ask(client, { query: 'SELECT 1 FROM no_such_table' }), 'unavailable: table does not exist', name)
      t.equal(await ask(client, { query: 'SELECT no_such_column' }), 'unavailable: column does not exist', name)
    }
  }
  await query.destroy()
  database.close()
  for (const client of [clients['better-sqlite3'], clients.Drizzle]) t.equal(await ask(client), 'unavailable: client is closed')
})
