// The servers are those of the tests, which are TypeScript: compiled here into one module.
import { mkdir, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const path = name => fileURLToPath(new URL(name, import.meta.url))

/** Gives `use` what `start(scope, helpers)` resolves to; every server ends afterwards. */
export async function withServers (start, use) {
  const closing = []
  const scope = { after: close => { closing.unshift(close) } }
  try {
    return await use(await start(scope, await helpers()))
  } finally {
    for (const close of closing) await close()
  }
}

export const startDatabases = async (scope, { startPostgres, startRedis }) => {
  const [postgres, redis] = await Promise.all([startPostgres(scope, { maxConnections: 200 }), startRedis(scope)])
  return { postgres, redis }
}

/** The same server so many milliseconds away, there and back. */
export async function farAway (scope, { startRelay }, server, roundTrip) {
  const relay = await startRelay(scope, server.port)
  await relay.delay(roundTrip / 2)
  return { ...server, url: server.url.replace(`:${server.port}`, `:${relay.port}`) }
}

let compiled

async function helpers () {
  compiled ??= compile()
  return await compiled
}

async function compile () {
  const folder = path('./node_modules/.cache')
  await mkdir(folder, { recursive: true })
  const outfile = `${folder}/servers-${process.pid}.mjs`
  const names = ['postgres', 'redis', 'rabbitmq', 'celery', 'django-q', 'relay', 'mariadb', 'mongodb', 'kafka', 'brokers', 'aiosmtpd', 'nginx', 'certificates']
  await build({
    stdin: { contents: names.map(name => `export * from './${name}.ts'`).join('\n'), resolveDir: path('../test/helpers'), loader: 'ts' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
  })
  try {
    return await import(outfile)
  } finally {
    await rm(outfile)
  }
}
