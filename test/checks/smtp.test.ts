import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Fastify from 'fastify'
import nodemailer from 'nodemailer'
import { test, type Test } from 'tap'
import SMTPCheckByDefault, { SMTPCheck, type SMTPSource } from '../../lib/checks/smtp.js'
import { createHealth } from '../../lib/index.js'
import { violations } from '../../lib/values/rules.js'
import type { EntryOptions } from '../../types/check.js'
import { startSMTP } from '../helpers/aiosmtpd.js'
import { selfSigned, startAuthority } from '../helpers/certificates.js'
import { openSockets, until } from '../helpers/leaks.js'
import { startRelay } from '../helpers/relay.js'
import { scriptedServer } from '../helpers/scripted-server.js'
import { freePort } from '../helpers/server.js'

function asking (t: Test, options: SMTPSource & EntryOptions, decorators: Record<string, unknown> = {}) {
  const app = Fastify()
  for (const [name, value] of Object.entries(decorators)) app.decorate(name, value)
  const health = createHealth({ subsets: { mail: [[SMTPCheck, { timeout: 5000, ...options }]] } }, { app })
  t.teardown(async () => await health.close())
  return Object.assign(async () => (await health.run('mail')).results[0]?.status, { health })
}

/** A server that says one line to each client, and then what it is told to. */
async function scripted (t: Test, greeting: string, answers: Record<string, string | null> = {}): Promise<string> {
  const port = await scriptedServer(t, greeting, text => {
    const [command = ''] = text.split(/[\s:]/)
    const answer = answers[command]
    return answer === null ? null : `${answer ?? '250 fine'}\r\n`
  })
  return `127.0.0.1:${port}`
}

test('a server that takes the login passes, sends no mail, and nothing is left behind', async t => {
  const server = await startSMTP(t, { certificate: await selfSigned(t, 'shop') })
  const relay = await startRelay(t, server.port)
  const ask = asking(t, { url: `${server.url.replace(String(server.port), String(relay.port))}?tls.rejectUnauthorized=false` })
  const before = openSockets()
  for (let n = 0; n < 3; n++) t.equal(await ask(), 'working')
  await until(() => relay.connections === 0 && openSockets() <= before + 1)
  t.notOk(existsSync(join(server.folder, 'mails')))
  server.expect('another')
  t.equal(await ask(), 'unavailable: authentication failed')
})

test('TLS from the first byte, and no user at all', async t => {
  const root = await startAuthority(t)
  const always = await startSMTP(t, { certificate: await root.issue('shop'), tls: 'always' })
  t.equal(await asking(t, { url: `${always.url}?tls.rejectUnauthorized=false` })(), 'working')
  t.equal(await asking(t, { url: always.url })(), 'unavailable: certificate not trusted')
  const open = await startSMTP(t, { login: false })
  t.equal(await asking(t, { url: open.url })(), 'working')
  t.equal(await asking(t, { url: `${open.url}?requireTLS=true` })(), 'unavailable: refused with 454')
  t.equal(await asking(t, { url: open.url.replace('smtp:', 'smtps:') })(), 'unavailable: TLS handshake failed')
  t.equal(await asking(t, { url: open.url.replace('//', '//shop:secret@') })(), 'unavailable: authentication failed', 'where a user is given, it has to be let in')
  const starts = await startSMTP(t, { certificate: await root.issue('shop') })
  t.equal(await asking(t, { url: starts.url })(), 'unavailable: certificate not trusted')
})

test('a transporter of the app is asked by itself, and is not closed', async t => {
  const server = await startSMTP(t, { certificate: await selfSigned(t, 'shop') })
  const { port, user, password: pass } = server
  const transporter = nodemailer.createTransport({ host: '127.0.0.1', port, auth: { user, pass }, tls: { rejectUnauthorized: false } })
  t.teardown(() => transporter.close())
  for (const transport of ['mailer', 'plugins.mailer', () => transporter, transporter]) {
    t.equal(await asking(t, { transport }, { mailer: transporter, plugins: { mailer: transporter } })(), 'working')
  }
  server.expect('another')
  t.equal(await asking(t, { transport: transporter })(), 'unavailable: authentication failed')
  await server.stop()
  t.equal(await asking(t, { transport: transporter })(), 'unavailable: connection refused')
  const secure = await startSMTP(t, { certificate: await selfSigned(t, 'shop'), tls: 'always' })
  t.equal(await asking(t, { transport: nodemailer.createTransport({ host: '127.0.0.1', port: secure.port, secure: true }) })(), 'unavailable: certificate not trusted')
  t.equal(await asking(t, { transport: nodemailer.createTransport({ host: 'nowhere.invalid' }) })(), 'unavailable: host not found')
  t.equal(await asking(t, { transport: nodemailer.createTransport({ jsonTransport: true }) as never })(), 'unexpected result: the transport cannot be verified')
})

test('what the server says and does is told in plain words', async t => {
  const cases: Array<[string, string, Record<string, string | null>?]> = [
    ['refused with 554', '554 go away\r\n'],
    ['refused with 421', '220 hello\r\n', { EHLO: '421 too busy' }],
    ['what answers does not speak SMTP', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['connection lost', '220 hello\r\n', { EHLO: null }],
    ['login refused for now', '220 hello\r\n', { EHLO: '250-shop\r\n250 AUTH PLAIN', AUTH: '454 later' }],
    ['authentication failed', '220 hello\r\n', { EHLO: '250-shop\r\n250 AUTH PLAIN', AUTH: '535 no' }],
    ['refused with 454', '220 hello\r\n', { EHLO: '250-shop\r\n250 STARTTLS', STARTTLS: '454 no TLS now' }],
  ]
  for (const [words, greeting, answers] of cases) {
    const ask = asking(t, { url: `smtp://shop:secret@${await scripted(t, greeting, answers)}` })
    t.equal(await ask(), `unavailable: ${words}`)
  }
  t.equal(await asking(t, { url: `smtp://127.0.0.1:${await freePort()}` })(), 'unavailable: connection refused')
  for (const url of ['smtp://nowhere.invalid', 'smtps://nowhere.invalid']) t.equal(await asking(t, { url })(), 'unavailable: host not found')
  const odd = (error: unknown) => ({ verify: async () => { throw error } })
  t.equal(await asking(t, { transport: odd(Object.assign(new Error('Socket'), { code: 'ESOCKET' })) })(), 'unavailable: connection lost')
  t.equal(await asking(t, { transport: odd(Object.assign(new Error('Error upgrading'), { code: 'ETLS' })) })(), 'unavailable: TLS handshake failed')
  t.equal(await asking(t, { transport: odd(Object.assign(new Error('Greeting never received'), { code: 'ETIMEDOUT' })) })(), 'unavailable: timed out')
  t.equal(await asking(t, { transport: odd(Object.assign(new Error('connect EHOSTUNREACH 192.0.2.1:25'), { code: 'ESOCKET' })) })(), 'unavailable: host unreachable', 'as nodemailer 7 has it')
  t.equal(await asking(t, { transport: odd(Object.assign(new Error('self-signed certificate'), { code: 'ESOCKET' })) })(), 'unavailable: certificate not trusted')
  t.equal(await asking(t, { transport: odd(Object.assign(new Error('0A00010B:SSL routines:wrong version number'), { code: 'ESOCKET' })) })(), 'unavailable: TLS handshake failed')
  for (const error of ['text', Object.assign(new Error('what?'), { code: 'EODD' })]) t.equal(await asking(t, { transport: odd(error) })(), 'unknown error')
})

test('a server that hangs is given up with its socket when the time is over, wherever it stops', async t => {
  const before = openSockets()
  for (const [greeting, answers] of [['', {}], ['220 hello\r\n', { EHLO: '250-' }]] as const) {
    const url = `smtp://${await scripted(t, greeting, answers)}`
    const ask = asking(t, { url, timeout: 100 })
    t.equal(await ask(), 'unavailable: timed out after 100 ms')
    await until(() => openSockets() <= before + 1)
  }
  const slow = asking(t, { url: `smtp://${await scripted(t, '220 hello\r\n', { QUIT: '' })}` })
  t.equal(await slow(), 'working', 'a goodbye that is not answered is no fault')
})

test('what is missing or does not go together is told, at boot and in a run', async t => {
  const transport = { verify: async () => true }
  for (const [options, message] of [
    [{}, 'neither `transport` nor `url` is given'],
    [{ transport, url: 'smtp://shop' }, 'both `transport` and `url` are given'],
    [{ transport: 'mailer' }, 'app.mailer is not there'],
    [{ transport: () => ({}) as never }, 'what `transport` returned for the app is an object, and not a transporter of nodemailer'],
  ] as const) {
    const ask = asking(t, options)
    t.match(await ask.health.systemChecks(), [{ id: 'E007', message }])
    t.equal(await ask(), `unknown error: E007 ${message}`)
  }
})

test('it is the default of its module, and asks something shared', t => {
  t.equal(SMTPCheckByDefault, SMTPCheck)
  t.equal(SMTPCheck.scope, 'shared')
  t.end()
})

test('options that do not fit are told', t => {
  for (const values of [{ url: 'smtps://shop' }, { transport: 'mailer' }, { transport: () => {} }, { transport: { verify () {} } }]) t.strictSame(violations(SMTPCheck.rules, values), [])
  for (const values of [{ url: 'http://shop' }, { url: 'smtp://100%@shop' }, { transport: {} }, { transport: null }, { transport: '' }]) t.equal(violations(SMTPCheck.rules, values).length, 1, JSON.stringify(values))
  t.end()
})
