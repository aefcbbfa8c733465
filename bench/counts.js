// What the servers themselves counted.
import pg from 'pg'
import { Redis } from 'ioredis'

/** Prepares PostgreSQL to count, and gives what asks both servers for their counts since the last time. */
export async function startCounting ({ postgres, redis }) {
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  await client.query("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
  await client.end()
  await postgres.restart()
  const admin = new pg.Client({ connectionString: postgres.url })
  await admin.connect()
  await admin.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements')
  const watcher = new Redis(redis.url)

  const numberOf = async text => Number((await admin.query(text)).rows[0].number)
  return {
    async reset () {
      await admin.query('SELECT pg_stat_statements_reset()')
      await watcher.config('RESETSTAT')
    },
    /** `SELECT 1` and `PING`, and the most clients that were connected to PostgreSQL: each asks one thing at a time. */
    async counts () {
      return {
        queries: await numberOf("SELECT coalesce(sum(calls), 0) AS number FROM pg_stat_statements WHERE query ~ '^SELECT \\$1'"),
        pings: Number(/cmdstat_ping:calls=(\d+)/.exec(await watcher.info('commandstats'))?.[1] ?? 0),
        clients: await numberOf("SELECT count(*) AS number FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"),
      }
    },
    async close () {
      await admin.end()
      watcher.disconnect()
    },
  }
}
