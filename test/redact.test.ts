import { test } from 'tap'
import { redact, secretsOf } from '../lib/redact.js'

const none = new Set<string>()

test('URLs and addresses are taken out of a text', async t => {
  t.equal(redact('connect to postgres://u:p@db:5432/app failed', none), 'connect to [redacted] failed')
  t.equal(redact('see HTTPS://Example.com/x?y=z, or redis+tls://a', none), 'see [redacted] or [redacted]')
  t.equal(redact('connect ECONNREFUSED 10.1.2.3:5432', none), 'connect ECONNREFUSED [redacted]')
  for (const address of ['::1', '::1:6379', 'fe80::1c2d:3e4f', '2001:db8:0:1:1:1:1:1', '::ffff:10.0.0.1']) {
    t.equal(redact(`connect ECONNREFUSED ${address}`, none), 'connect ECONNREFUSED [redacted]')
  }
  t.equal(redact('getaddrinfo ENOTFOUND payments-db', none), 'getaddrinfo ENOTFOUND [redacted]')
  t.equal(redact('getaddrinfo EAI_AGAIN payments-db', none), 'getaddrinfo EAI_AGAIN [redacted]')
})

test('what is neither is left as it is', async t => {
  for (const text of ['', 'still running after 31 s', 'version 1.2.3', 'at 12:30:59', 'std::vector', 'a: b', 'node:fs', 'Map { x::y }']) {
    t.equal(redact(text, none), text)
  }
})

test('secrets are taken out wherever they stand, the longer ones first', async t => {
  t.equal(redact('hunter2hunter2 is not hunter2', new Set(['hunter2', 'hunter2hunter2'])), '[redacted] is not [redacted]')
})

test('a long text is cut', async t => {
  const text = redact('x'.repeat(5000), none)
  t.equal(text.length, 1001)
  t.ok(text.endsWith('…'))
  t.equal(redact('x'.repeat(1000), none).length, 1000)
})

test('the secrets of options are what their URLs are made of, as written and as meant', async t => {
  const found = secretsOf({ url: 'amqp://canary-user:canary%20password@canary.internal:5672/canary-path/x?key=canary-query' })
  for (const secret of ['canary-user', 'canary%20password', 'canary password', 'canary.internal:5672', 'canary.internal', 'canary-path', 'canary-query']) {
    t.ok(found.has(secret), secret)
  }
  t.notOk(found.has('x'), 'a text that is too short to be told from others')
})

test('a host name is a secret without a dot in it, too', async t => {
  t.ok(secretsOf({ url: 'redis://payments-cache:6379' }).has('payments-cache'))
})

test('names that everybody uses are no secrets', async t => {
  const found = secretsOf([{ url: 'postgres://postgres:canary-password@localhost:5432' }, 'redis://default@redis:6379'])
  t.strictSame([...found].sort(), ['canary-password', 'localhost:5432', 'redis:6379'])
})

test('what is named a secret is one, with all that it holds', async t => {
  for (const name of ['password', 'secretKey', 'apiKey', 'api_key', 'accessToken', 'Authorization', 'cookie', 'dbPwd', 'dsn', 'connectionString', 'privateKey']) {
    t.strictSame([...secretsOf({ [name]: 'canary-1' })], ['canary-1'], name)
  }
  t.strictSame([...secretsOf({ credentials: { user: 'canary-1', list: ['canary-2', 5] } })], ['canary-1', 'canary-2'])
  t.strictSame([...secretsOf({ name: 'plain', dir: '/data' })], [])
})

test('a URL object counts as a URL', async t => {
  t.ok(secretsOf({ target: new URL('http://u:canary-password@host') }).has('canary-password'))
})

test('a URL that is not well encoded is taken as it is', async t => {
  t.ok(secretsOf({ url: 'redis://u:canary%ZZ@host' }).has('canary%ZZ'))
})

test('options that go round in circles come to an end, and clients are not looked into', async t => {
  class Client {
    password = 'canary-1'
  }
  const options: Record<string, unknown> = { token: 'canary-2', client: new Client(), bytes: new Uint8Array(8) }
  options['self'] = options
  t.strictSame([...secretsOf(options)], ['canary-2'])
})
