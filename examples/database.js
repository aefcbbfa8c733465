import { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'

/** A PostgreSQL in this process, behind a real socket, with nothing installed. */
export async function startDatabase () {
  const db = await PGlite.create()
  let server = await listen(db, 0)
  const port = Number(server.getServerConn().split(':').pop())

  async function stop () {
    await server?.stop()
    server = undefined
  }

  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    stop,
    async start () {
      server ??= await listen(db, port)
    },
    async close () {
      await stop()
      await db.close()
    },
  }
}

async function listen (db, port) {
  const server = new PGLiteSocketServer({ db, port, host: '127.0.0.1', maxConnections: 10 })
  await server.start()
  return server
}
