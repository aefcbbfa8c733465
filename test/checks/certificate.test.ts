import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer as createPlainServer } from 'node:net'
import { join } from 'node:path'
import { createServer, rootCertificates, type TlsOptions } from 'node:tls'
import { promisify } from 'node:util'
import { test, type Test } from 'tap'
import CertificateCheckByDefault, { CertificateCheck, type CertificateOptions } from '../../lib/checks/certificate.js'
import { createHealth } from '../../lib/index.js'
import { violations } from '../../lib/values/rules.js'
import type { EntryOptions } from '../../types/check.js'
import { selfSigned, startAuthority, type Certificate } from '../helpers/certificates.js'
import { openSockets, until } from '../helpers/leaks.js'
import { listening } from '../helpers/listening.js'
import { freePort } from '../helpers/server.js'

async function secure (t: Test, { cert, key }: Certificate, chain: readonly Certificate[] = [], options: TlsOptions = {}): Promise<number> {
  const server = createServer({ cert: [cert, ...chain.map(({ cert }) => cert)].join('\n'), key, ...options })
  server.on('tlsClientError', () => {})
  return await listening(t, server)
}

function asking (t: Test, options: CertificateOptions & EntryOptions, baseDir = '/') {
  const health = createHealth({ baseDir, subsets: { net: [[CertificateCheck, { timeout: 5000, ...options }]] } })
  t.teardown(async () => await health.close())
  return Object.assign(async () => (await health.run('net')).results[0]!, { health })
}

test('a chain that is trusted and not about to end passes, and tells for how long', async t => {
  const root = await startAuthority(t)
  const between = await root.authority('Between', { days: 200 })
  const port = await secure(t, await between.issue('shop', { days: 100 }), [between.certificate])
  const ask = asking(t, { host: 'localhost', port, ca: root.certificate.cert })
  const before = openSockets()
  for (let n = 0; n < 3; n++) t.match(await ask(), { status: 'working', observed: [{ name: 'days left', value: 99.9, unit: 'days' }] })
  await until(() => openSockets() === before)
  const byAddress = asking(t, { host: '127.0.0.1', port, ca: [Buffer.from(root.certificate.cert)] })
  t.equal((await byAddress()).status, 'working', 'an address is checked, too')
})

test('the earliest end of the chain is what counts, the authority included', async t => {
  const root = await startAuthority(t, 'Root', { days: 9 })
  const between = await root.authority('Between', { days: 12.5 })
  const port = await secure(t, await between.issue('shop'), [between.certificate])
  t.equal((await asking(t, { host: 'localhost', port, ca: root.certificate.cert })()).status, 'warning: certificate expires in 8 days')
  t.equal((await asking(t, { host: 'localhost', port, ca: root.certificate.cert, minDays: 8 })()).status, 'working')
})

test('what is below `minDays` is a warning, to the day', async t => {
  const root = await startAuthority(t)
  for (const [days, status] of [[13.9, 'warning: certificate expires in 13 days'], [1.5, 'warning: certificate expires in 1 day'], [0.5, 'warning: certificate expires in less than a day'], [14.1, 'working']] as const) {
    const port = await secure(t, await root.issue('shop', { days }))
    t.equal((await asking(t, { host: 'localhost', port, ca: root.certificate.cert })()).status, status)
  }
})

test('one that is out of date is unavailable, and says since when', async t => {
  const root = await startAuthority(t)
  const ask = async (certificate: Certificate, chain: readonly Certificate[] = []) =>
    (await asking(t, { host: 'localhost', port: await secure(t, certificate, chain), ca: root.certificate.cert })()).status
  t.equal(await ask(await root.issue('shop', { days: -3.5 })), 'unavailable: certificate expired 3 days ago')
  t.equal(await ask(await root.issue('shop', { days: -0.2 })), 'unavailable: certificate expired less than a day ago')
  t.equal(await ask(await root.issue('shop', { from: 2 })), 'unavailable: certificate is not valid yet')
  const old = await root.authority('Old', { days: -1 })
  t.equal(await ask(await old.issue('shop'), [old.certificate]), 'unavailable: a certificate of the chain has expired')
  const young = await root.authority('Young', { from: 1 })
  t.equal(await ask(await young.issue('shop'), [young.certificate]), 'unavailable: a certificate of the chain is not valid yet')
})

test('a chain that ends soon does not matter where a shorter one is trusted', async t => {
  const [root, former] = [await startAuthority(t, 'Root'), await startAuthority(t, 'Former')]
  const crossSigned = await former.crossSign('Root', root.certificate, { days: 2 })
  const port = await secure(t, await root.issue('shop'), [crossSigned])
  t.equal((await asking(t, { host: 'localhost', port, ca: root.certificate.cert })()).status, 'working')
  t.equal((await asking(t, { host: 'localhost', port, ca: former.certificate.cert })()).status, 'warning: certificate expires in 1 day')
  t.equal((await asking(t, { host: 'localhost', port, ca: [former.certificate.cert, root.certificate.cert] })()).status, 'working')
  const renewed = await root.crossSign('Root', root.certificate, { days: 1.5 })
  t.equal((await asking(t, { host: 'localhost', port, ca: [renewed.cert, root.certificate.cert] })()).status, 'working', 'of two that would do, the one that lasts')
})

test('an authority that only Node.js itself knows of is found in what the server sent', async t => {
  const root = await startAuthority(t, 'Root', { days: 5 })
  const port = await secure(t, await root.issue('shop'), [root.certificate])
  const file = join(t.testdir({}), 'extra.pem')
  await writeFile(file, root.certificate.cert)
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', import.meta.resolve('@tapjs/typescript/import'), '--input-type', 'module', '--eval', `
    const { createHealth } = await import(${JSON.stringify(new URL('../../lib/index.ts', import.meta.url).href)})
    const health = createHealth({ subsets: { net: [['fastify-health/checks/certificate', { host: 'localhost', port: ${port} }]] } })
    process.stdout.write((await health.run('net')).results[0].status)
    await health.close()
  `], { env: { ...process.env, NODE_EXTRA_CA_CERTS: file } })
  t.match(stdout, 'warning: certificate expires in 4 days')
})

test('one that is not trusted says why, in plain words', async t => {
  const [root, other] = [await startAuthority(t), await startAuthority(t, 'Other')]
  const between = await root.authority('Between')
  const last = await root.authority('Last', { pathLength: 0 })
  const tooDeep = await last.authority('Too deep')
  const impostor = await root.authority('No authority', { isAuthority: false })
  const [own, right] = [await selfSigned(t, 'own'), await root.issue('shop')]
  const cases: Array<[string, Certificate, readonly Certificate[], Partial<CertificateOptions>]> = [
    ['certificate is self-signed, and not trusted', own, [], {}],
    ['certificate is of an authority that is not trusted', right, [root.certificate], {}],
    ['chain of certificates is incomplete, or of an authority that is not trusted', right, [], {}],
    ['chain of certificates is incomplete, or of an authority that is not trusted', right, [], { ca: other.certificate.cert }],
    ['chain of certificates is incomplete, or of an authority that is not trusted', await between.issue('shop'), [], { ca: root.certificate.cert }],
    ['certificate is for another host', right, [], { ca: root.certificate.cert, servername: 'elsewhere.test' }],
    ['certificate is for another host', await root.issue('shop', { for: 'DNS:localhost' }), [], { ca: root.certificate.cert, host: '127.0.0.1' }],
    ['a certificate of the chain is not made for this use', await root.issue('shop', { usage: 'clientAuth' }), [], { ca: root.certificate.cert }],
    ['a certificate of the chain is not made for this use', await impostor.issue('shop'), [impostor.certificate], { ca: root.certificate.cert }],
    ['certificate is not trusted', await tooDeep.issue('shop'), [tooDeep.certificate, last.certificate], { ca: root.certificate.cert }],
  ]
  for (const [words, certificate, chain, options] of cases) {
    const port = await secure(t, certificate, chain)
    t.equal((await asking(t, { host: 'localhost', port, ...options })()).status, `unavailable: ${words}`)
  }
  t.equal((await asking(t, { host: 'localhost', port: await secure(t, own), ca: own.cert })()).status, 'working', 'a self-signed one that is trusted passes')
})

test('a server that cannot be reached, or speaks no TLS, says so', async t => {
  t.equal((await asking(t, { host: '127.0.0.1', port: await freePort() })()).status, 'unavailable: connection refused')
  const http = await listening(t, createPlainServer(socket => { socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')) }))
  t.equal((await asking(t, { host: '127.0.0.1', port: http })()).status, 'unavailable: TLS handshake failed')
  const closing = await listening(t, createPlainServer(socket => { socket.on('data', () => socket.end()) }))
  t.equal((await asking(t, { host: '127.0.0.1', port: closing })()).status, 'unavailable: connection lost')
  const silent = await listening(t, createPlainServer())
  const before = openSockets()
  t.equal((await asking(t, { host: '127.0.0.1', port: silent, timeout: 100 })()).status, 'unavailable: timed out after 100 ms')
  await until(() => openSockets() <= before)
})

test('of a file, the dates of all its certificates count, and nothing else', async t => {
  const root = await startAuthority(t)
  const dir = t.testdir({ 'none.pem': 'nothing', 'broken.pem': '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----', 'long.pem': 'x'.repeat(1024 ** 2 + 1) })
  const write = async (name: string, ...certificates: Certificate[]) => await writeFile(join(dir, name), certificates.map(({ cert, key }) => key + cert).join(''))
  await write('good.pem', await root.issue('shop'), root.certificate)
  await write('soon.pem', await root.issue('shop'), await root.issue('shop', { days: 3.5 }))
  await write('gone.pem', await root.issue('shop'), await root.issue('shop', { days: -1.5 }))
  await write('early.pem', await root.issue('shop', { from: 1 }))
  await writeFile(join(dir, 'good.der'), new X509Certificate(root.certificate.cert).raw)
  await writeFile(join(dir, 'roots.pem'), rootCertificates.join('\n'))
  const ask = async (file: string) => (await asking(t, { file }, dir)()).status
  t.equal(await ask('good.pem'), 'working')
  t.equal(await ask('good.der'), 'working')
  t.match(await ask('roots.pem'), /^(?:working|warning: certificate expires in|unavailable: certificate expired)/, 'many of them are read')
  t.equal(await ask('soon.pem'), 'warning: certificate expires in 3 days')
  t.equal(await ask('gone.pem'), 'unavailable: certificate expired 1 day ago')
  t.equal(await ask('early.pem'), 'unavailable: certificate is not valid yet')
  t.equal(await ask('missing.pem'), 'unavailable: no such file or folder')
  for (const file of ['none.pem', 'broken.pem']) t.equal(await ask(file), 'unexpected result: the file holds no certificate, or one that cannot be read')
  t.equal(await ask('long.pem'), 'unexpected result: the file is longer than 1 MiB')
  const { observed } = await asking(t, { file: join(dir, 'soon.pem') })()
  t.match(observed, [{ name: 'days left', value: 3.4, unit: 'days' }])
  t.ok((await readFile(join(dir, 'good.pem'), 'utf8')).includes('PRIVATE KEY'), 'a key beside it is left alone')
})

test('what does not go together is a mistake, at boot and in a run', async t => {
  for (const [options, message] of [
    [{}, 'neither `host` nor `file` is given'],
    [{ host: 'shop.test', file: 'a.pem' }, 'both `host` and `file` are given'],
    [{ file: 'a.pem', port: 443 }, '`port` is given with `file`'],
    [{ file: 'a.pem', servername: 'shop.test' }, '`servername` is given with `file`'],
    [{ file: 'a.pem', ca: '-----BEGIN CERTIFICATE-----' }, '`ca` is given with `file`'],
  ] as const) {
    const ask = asking(t, options)
    t.match(await ask.health.systemChecks(), [{ id: 'E007', message }])
    t.equal((await ask()).status, `unknown error: E007 ${message}`)
  }
  for (const ca of ['-----BEGIN CERTIFICATE-----', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----']) {
    t.match(await asking(t, { host: 'shop.test', ca }).health.systemChecks(), [{ id: 'E007', message: /^`ca` cannot be used: / }])
  }
})

test('it is the default of its module, and asks something shared', t => {
  t.equal(CertificateCheckByDefault, CertificateCheck)
  t.equal(CertificateCheck.scope, 'shared')
  t.end()
})

test('options that do not fit are told', t => {
  const ca = '-----BEGIN CERTIFICATE-----'
  for (const values of [{ host: 'shop.test' }, { file: 'a.pem' }, { host: 'a', ca: [ca, Buffer.from('a')] }, { host: 'a', minDays: 0 }, { host: 'a', minDays: 1.5 }]) {
    t.strictSame(violations(CertificateCheck.rules, values), [], JSON.stringify(values))
  }
  for (const values of [{ host: '' }, { file: 'a\0' }, { port: 0 }, { servername: '' }, { ca: 'file.pem' }, { ca: [] }, { ca: 1 }, { minDays: -1 }, { minDays: '14' }]) {
    t.equal(violations(CertificateCheck.rules, values).length, 1, JSON.stringify(values))
  }
  t.end()
})
