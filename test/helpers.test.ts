import { CreateBucketCommand, HeadBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { connect as connectAMQP } from 'amqplib'
import { Disk } from 'flydrive'
import { S3Driver } from 'flydrive/drivers/s3'
import { Redis } from 'ioredis'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'
import { startCeleryWorker } from './helpers/celery.js'
import { launchChromium } from './helpers/chromium.js'
import { startDjangoQ } from './helpers/django-q.js'
import { missing, program, pythonWith } from './helpers/debian.js'
import { eventually, openHandles, openSockets, until } from './helpers/leaks.js'
import { startPostgres } from './helpers/postgres.js'
import { startRabbitMQ } from './helpers/rabbitmq.js'
import { startRedis } from './helpers/redis.js'
import { startRelay } from './helpers/relay.js'
import { startS3 } from './helpers/s3.js'
import { freePort, launch, refuses } from './helpers/server.js'
import type { Program, Server } from './helpers/server.js'

/** Enough for a machine that is busy with other tests. */
const patience = { timeout: 30_000 }

/** Goes through what every server promises, with `ask` as a client that connects anew. */
async function goesThroughItsLife (t: Test, server: Server, ask: () => Promise<unknown>): Promise<void> {
  const { port, pid } = server
  await ask()

  server.freeze()
  const question = ask()
  const first = await Promise.race([question.then(() => 'answer', () => 'error'), sleep(300, 'silence')])
  t.equal(first, 'silence', 'accepts and says nothing while frozen')
  server.thaw()
  await question

  await server.stop()
  t.ok(await refuses(port), 'refuses once stopped')
  t.strictSame(server.processes(), [])
  t.throws(() => server.pid, /stopped/)
  await t.rejects(ask())

  await server.start()
  await ask()
  t.not(server.pid, pid)
  await t.rejects(server.start(), /running already/)

  server.freeze()
  await server.restart()
  await ask()
  t.equal(server.port, port)
  await leavesNothing(t, server)
}

async function leavesNothing (t: Test, program: Program): Promise<void> {
  const pids = program.processes()
  t.ok(pids.length > 0)
  await program.close()
  await program.close()
  t.strictSame(program.processes(), [])
  t.strictSame(pids.filter(isAlive), [])
  t.notOk(existsSync(program.folder))
}

/** A zombie is not: that it is still listed is its parent's affair. */
function isAlive (pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

t.test('PostgreSQL starts, freezes, stops and comes back', async (t) => {
  const server = await startPostgres(t, { maxConnections: 3 })
  const ask = async (connectionString = server.url): Promise<unknown> => {
    const client = new pg.Client({ connectionString })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query('SELECT 1')).rows
    } finally {
      await client.end()
    }
  }

  await t.rejects(ask(server.url.replace(server.password, 'wrong')), { code: '28P01' })

  const clients = Array.from({ length: 3 }, () => new pg.Client(server.url))
  await Promise.all(clients.map((client) => client.connect()))
  await t.rejects(ask(), { code: '53300' }, 'the fourth of three connections')

  const [client] = clients
  server.freeze()
  const query = client?.query('SELECT 1')
  t.equal(await Promise.race([query, sleep(300, 'silence')]), 'silence', 'a backend freezes with its server')
  server.thaw()
  await query
  await Promise.all(clients.map((client) => client.end()))

  await goesThroughItsLife(t, server, ask)
})

t.test('Redis starts, freezes, stops and comes back', async (t) => {
  const server = await startRedis(t, { password: 'a b"c' })
  const ask = async (url = server.url): Promise<void> => {
    const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.set('key', 'value')
    } finally {
      client.disconnect()
    }
  }
  await t.rejects(ask(`redis://127.0.0.1:${server.port}`))
  await goesThroughItsLife(t, server, ask)
})

t.test('RabbitMQ starts, freezes, stops and comes back, and Celery works over it', async (t) => {
  const server = await startRabbitMQ(t, { vhosts: ['other/one'] })
  const ask = async (url = server.url): Promise<void> => {
    const connection = await connectAMQP(url)
    connection.on('error', () => {})
    await connection.close()
  }
  await ask(server.urlOf('other/one'))
  await t.rejects(ask(server.urlOf('unknown')))
  await t.rejects(ask(server.url.replace(server.password, 'wrong')), /ACCESS_REFUSED|403/)
  t.match(await server.ctl('list_vhosts', '--silent'), 'other/one')
  await t.rejects(server.ctl('no_such_command'), /no_such_command/)

  const worker = await startCeleryWorker(t, { broker: server.url, queues: ['one', 'two'], hostname: 'worker@somewhere' })
  await worker.send('add', 20, 22)
  await until(() => worker.log().includes(': 42'), patience)
  t.match(await server.ctl('list_queues', '--silent', 'name'), /one[^]*two|two[^]*one/)
  await leavesNothing(t, worker)

  await goesThroughItsLife(t, server, ask)
})

t.test('a Celery worker works over Redis, freezes, stops and comes back', async (t) => {
  const redis = await startRedis(t, { password: 'secret' })
  const worker = await startCeleryWorker(t, { broker: redis.url })
  const pings = (seconds = 20): boolean => {
    const args = ['-m', 'celery', '-b', redis.url, 'inspect', 'ping', '-d', worker.hostname, '--timeout', String(seconds), '--json']
    return spawnSync(pythonWith('celery'), args, { encoding: 'utf8' }).stdout.includes('"celery@health"')
  }
  await worker.send('add', 20, 22)
  await until(() => worker.log().includes(': 42'), patience)
  t.ok(pings())

  worker.freeze()
  t.notOk(pings(1))
  worker.thaw()
  t.ok(pings())

  await worker.send('sleep', 60)
  await until(() => worker.log().includes('tasks.sleep'), patience)
  await worker.stop()
  t.notOk(pings(1))
  await worker.start()
  t.ok(pings())
  await leavesNothing(t, worker)
})

t.test('a Django-Q cluster says in Redis that it is there, works, stops and comes back', async (t) => {
  const redis = await startRedis(t)
  const client = new Redis(redis.url)
  t.after(() => client.disconnect())
  const stats = (): Promise<string[]> => client.keys('django_q:orders:cluster:*')
  const cluster = await startDjangoQ(t, { redis: redis.url, cluster: 'orders', secretKey: 'not so secret' })
  t.equal((await stats()).length, 1)

  await cluster.send('math.factorial', 5)
  await until(() => cluster.log().includes('Processed'), patience)

  cluster.freeze()
  await until(async () => (await stats()).length === 0, patience)
  cluster.thaw()
  await until(async () => (await stats()).length === 1, patience)

  await cluster.stop()
  await until(async () => (await stats()).length === 0, patience)
  await cluster.start()
  t.equal((await stats()).length, 1)
  await leavesNothing(t, cluster)
})

t.test('S3 keeps what the driver of flydrive puts', async (t) => {
  const server = await startS3(t)
  const client = new S3Client({
    endpoint: server.endpoint,
    region: server.region,
    credentials: server.credentials,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    maxAttempts: 1,
  })
  t.after(() => client.destroy())
  const disk = new Disk(new S3Driver({ client, bucket: server.bucket, visibility: 'private' }))
  await disk.put('folder/key', 'value')
  t.equal(await disk.get('folder/key'), 'value')
  await disk.putStream('folder/stream', Readable.from(['val', 'ue']), { contentLength: 5 })
  t.equal(await disk.get('folder/stream'), 'value')
  t.ok(await disk.exists('folder/key'))
  await disk.delete('folder/key')
  t.notOk(await disk.exists('folder/key'))
  await t.rejects(client.send(new HeadBucketCommand({ Bucket: 'unknown' })))
  await client.send(new CreateBucketCommand({ Bucket: 'another' }))
  await goesThroughItsLife(t, server, () => disk.put('folder/key', 'value'))
})

t.test('Chromium shows a page', async (t) => {
  const browser = await launchChromium(t)
  const page = await browser.newPage()
  await page.setContent('<title>healthy</title>')
  t.equal(await page.title(), 'healthy')
})

/** Answers every chunk with "answer to " and the chunk. */
async function startEcho (t: Test): Promise<{ port: number, sockets: Set<Socket> }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => socket.write(`answer to ${chunk}`))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, sockets }
}

class Client {
  received = ''
  ending: string | undefined
  readonly socket: Socket

  constructor (t: Test, port: number) {
    this.socket = connect({ port, host: '127.0.0.1' })
    this.socket.setEncoding('utf8')
    this.socket.on('data', (text) => { this.received += text })
    this.socket.on('error', (error: NodeJS.ErrnoException) => { this.ending = error.code })
    this.socket.on('close', () => { this.ending ??= 'close' })
    t.after(() => this.socket.destroy())
  }

  async asks (text: string, expected = `answer to ${text}`): Promise<void> {
    this.received = ''
    this.socket.write(text)
    await until(() => this.received === expected)
  }
}

t.test('a relay', async (t) => {
  const echo = await startEcho(t)

  t.test('passes everything, and counts', async (t) => {
    const relay = await startRelay(t, echo.port)
    t.equal(relay.mode, 'pass')
    const first = new Client(t, relay.port)
    await first.asks('one')
    await new Client(t, relay.port).asks('two')
    t.equal(relay.connections, 2)
    t.equal(relay.accepted, 2)
    first.socket.end()
    await until(() => first.ending === 'close' && relay.connections === 1)
    t.equal(relay.accepted, 2)
    await relay.close()
    t.equal(relay.connections, 0)
    await until(() => echo.sockets.size === 0)
  })

  t.test('ends the client when the server ends', async (t) => {
    const relay = await startRelay(t, echo.port)
    const client = new Client(t, relay.port)
    await client.asks('one')
    for (const socket of echo.sockets) socket.end()
    await until(() => client.ending === 'close' && relay.connections === 0)
  })

  t.test('resets the client when there is no server', async (t) => {
    const relay = await startRelay(t, await freePort())
    const client = new Client(t, relay.port)
    await until(() => client.ending === 'ECONNRESET')
  })

  t.test('is silent on connections old and new, and resets them afterwards', async (t) => {
    const relay = await startRelay(t, echo.port)
    const idle = new Client(t, relay.port)
    await idle.asks('before')
    const old = new Client(t, relay.port)
    await old.asks('before')
    await relay.silence()
    t.equal(relay.mode, 'silence')
    const young = new Client(t, relay.port)
    old.received = ''
    old.socket.write('lost')
    young.socket.write('lost')
    await sleep(200)
    t.equal(old.received + young.received, '')
    t.equal(old.ending ?? young.ending, undefined)
    t.equal(relay.connections, 3)
    await relay.pass()
    await until(() => old.ending === 'ECONNRESET' && young.ending === 'ECONNRESET')
    await idle.asks('after')
    await new Client(t, relay.port).asks('after')
  })

  t.test('cuts connections old and new in the middle of an answer', async (t) => {
    const relay = await startRelay(t, echo.port)
    const old = new Client(t, relay.port)
    await old.asks('before')
    await relay.cut(6)
    t.equal(relay.mode, 'cut')
    await old.asks('one', 'answer')
    await until(() => old.ending !== undefined)
    const young = new Client(t, relay.port)
    await young.asks('two', 'answer')
    await until(() => young.ending !== undefined)
    await relay.cut(0)
    const third = new Client(t, relay.port)
    third.socket.write('three')
    await until(() => third.ending !== undefined)
    t.equal(third.received, '')
    await relay.cut(20)
    const fourth = new Client(t, relay.port)
    await fourth.asks('4')
    await fourth.asks('4', 'answer to')
    await until(() => fourth.ending !== undefined)
    await relay.pass()
    await new Client(t, relay.port).asks('after')
  })

  t.test('refuses, and listens again on the same port', async (t) => {
    const relay = await startRelay(t, echo.port)
    const { port } = relay
    const old = new Client(t, port)
    await old.asks('before')
    await relay.refuse()
    t.equal(relay.mode, 'refuse')
    t.ok(await refuses(port))
    await until(() => old.ending === 'ECONNRESET')
    await relay.refuse()
    await relay.pass()
    t.equal(relay.port, port)
    await new Client(t, port).asks('after')
  })

  t.test('delays answers, and keeps their order when the delay ends', async (t) => {
    const relay = await startRelay(t, echo.port)
    const client = new Client(t, relay.port)
    await client.asks('before')
    await relay.delay(300)
    t.equal(relay.mode, 'delay')
    client.received = ''
    const asked = Date.now()
    client.socket.write('one')
    await sleep(100)
    t.equal(client.received, '')
    await relay.pass()
    client.socket.write('two')
    await until(() => client.received === 'answer to oneanswer to two')
    t.ok(Date.now() - asked >= 290)
  })

  t.test('is silent about what it delayed', async (t) => {
    const relay = await startRelay(t, echo.port)
    const client = new Client(t, relay.port)
    await client.asks('before')
    await relay.delay(50)
    client.received = ''
    client.socket.write('one')
    await sleep(20)
    await relay.silence()
    await sleep(150)
    t.equal(client.received, '')
    await relay.refuse()
    await until(() => relay.connections === 0)
  })
})

t.test('what a program leaves behind goes with the process that started it, however that ends', async (t) => {
  const folder = mkdtempSync(join(import.meta.dirname, 'helpers-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const script = join(folder, 'starts.ts')
  writeFileSync(script, `
    import { startPostgres } from '../helpers/postgres.js'
    import { startRedis } from '../helpers/redis.js'
    const scope = { after () {} }
    const servers = [await startPostgres(scope), await startRedis(scope)]
    servers[0].freeze()
    console.log(JSON.stringify({ folders: servers.map(({ folder }) => folder), pids: servers.flatMap((server) => server.processes()) }))
    setInterval(() => {}, 1000)
  `)
  const child = spawn(process.execPath, [...process.execArgv, script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(child.stdout, 'data')
  const { folders, pids } = JSON.parse(line) as { folders: string[], pids: number[] }
  t.ok(pids.length > 2 && pids.every(isAlive) && folders.every((folder) => existsSync(folder)))
  child.kill('SIGKILL')
  await until(() => !pids.some(isAlive) && !folders.some((folder) => existsSync(folder)), patience)
})

t.test('a program that ends, or that is missing, says so', async (t) => {
  const recipe = { command: '/bin/sh', args: ['-c', 'echo its last words; exit 3'], answers: () => Promise.reject(new Error('no')) }
  await t.rejects(launch(t, 'Ends', () => recipe), /Ends ended with 3:\nits last words/)
  await t.rejects(launch(t, 'Missing', () => ({ ...recipe, command: '/no/such/program' })), /ENOENT/)
  await t.rejects(launch(t, 'Command', async (place) => {
    await place.run('/bin/sh', ['-c', 'echo heard; exit 4'])
    return recipe
  }), /heard/)
})

t.test('a program that does not end in order is killed', async (t) => {
  const stubborn = await launch(t, 'Stubborn', () => ({
    command: '/bin/sh',
    args: ['-c', 'trap "" TERM; while :; do sleep 0.1; done'],
    answers: () => Promise.resolve(),
    grace: 100,
  }))
  await leavesNothing(t, stubborn)
})

t.test('nothing of what the tests need is missing, and what is unknown is said', async (t) => {
  t.strictSame(missing(), [])
  t.throws(() => program('no-such-program'), /install-servers/)
  t.throws(() => pythonWith('no_such_module'), /install-servers/)
  const installer = join(import.meta.dirname, 'helpers', 'install-servers.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [installer], { encoding: 'utf8' })
  t.strictSame({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
})

t.test('leaks are counted, and waited for', async (t) => {
  const echo = await startEcho(t)
  const before = openSockets()
  const client = new Client(t, echo.port)
  await client.asks('one')
  t.equal(openSockets(), before + 2)
  t.equal(openHandles()['TCPServerWrap'], 1)
  client.socket.destroy()
  await until(() => openSockets() === before)
  let tries = 0
  t.equal(await eventually(() => {
    if (++tries < 3) throw new Error('not yet')
    return tries
  }, { interval: 1 }), 3)
  await t.rejects(eventually(() => { throw new Error('never') }, { timeout: 10 }), /never/)
  await t.rejects(until(() => false, { timeout: 10 }), /10 ms/)
  await t.rejects(until(() => { throw new Error('at once') }), /at once/)
})
