import { test } from 'tap'
import { redact, redactBriefly } from '../../lib/values/redact.js'
import { noSecrets, secretsOf } from '../../lib/values/secrets.js'
import { revoked } from '../helpers/unreadable.js'

test('URLs and addresses are taken out of a text', async t => {
  t.equal(redact('connect to postgres://u:p@db:5432/app failed'), 'connect to [redacted] failed')
  t.equal(redact('see HTTPS://Example.com/x?y=z, or redis+tls://a'), 'see [redacted] or [redacted]')
  t.equal(redact('connect ECONNREFUSED 10.1.2.3:5432'), 'connect ECONNREFUSED [redacted]')
  for (const address of ['::1', '::1:6379', 'fe80::1c2d:3e4f', '2001:db8:0:1:1:1:1:1', '::ffff:10.0.0.1']) {
    t.equal(redact(`connect ECONNREFUSED ${address}`), 'connect ECONNREFUSED [redacted]')
  }
  t.equal(redact('getaddrinfo ENOTFOUND payments-db'), 'getaddrinfo ENOTFOUND [redacted]')
  t.equal(redact('getaddrinfo EAI_AGAIN payments-db'), 'getaddrinfo EAI_AGAIN [redacted]')
  t.equal(redact('Name resolution failed for target dns:payments-db:1'), 'Name resolution failed for target [redacted]')
  t.equal(redact("does not match certificate's altnames: Host: payments-db. is not in the cert's altnames: DNS:payments, DNS:db"), "does not match certificate's altnames: Host: [redacted]")
  t.equal(redact("Host: payments-db. is not cert's CN: db"), 'Host: [redacted]')
  t.equal(redact('queryMx ECONNREFUSED payments-db'), 'queryMx ECONNREFUSED [redacted]')
})

test('names of hosts are taken out of a text, and what only looks like one is not', async t => {
  for (const host of ['db-1.internal', 'orders.prod.svc.cluster.local', 'db-1:5432', 'redis:6379', 'payments.example.com', 'one.two-three.net:8443']) {
    t.equal(redact(`cannot reach ${host}, trying again`), 'cannot reach [redacted], trying again', host)
  }
  for (const text of ['app.pg is not there', 'README.md', 'at check (checks.js:1234:5)', 'checks.ts:1234', '/srv/a.local/file', 'npm i @org.com/x', 'status 500', 'it took 1500 ms', 'version 12.3.4', 'at 12:30']) {
    t.equal(redact(text), text)
  }
})

test('what is neither is left as it is', async t => {
  for (const text of ['', 'still running after 31 s', 'version 1.2.3', 'at 12:30:59', 'std::vector', 'a: b', 'node:fs', 'Map { x::y }']) {
    t.equal(redact(text), text)
  }
})

test('secrets are taken out wherever they stand, the longer ones first', async t => {
  t.equal(redact('hunter2hunter2 is not hunter2', { ...noSecrets, texts: new Set(['hunter2', 'hunter2hunter2']) }), '[redacted] is not [redacted]')
})

test('a secret is taken out whole, whatever is in the middle of it', async t => {
  const url = 'postgres://svc:p\'10.0.0.1"<canary>@db.internal/orders'
  const secrets = secretsOf({ url, password: 'pw-10.0.0.1-canary', other: 'redis://u:first@second' })
  t.equal(redact(`cannot reach ${url} with pw-10.0.0.1-canary`, secrets), 'cannot reach [redacted] with [redacted]')
})

test('a name is taken out where it is a word of its own', async t => {
  const secrets = secretsOf({ url: 'postgres://health:canary@db-1.internal/orders' })
  t.equal(redact('user health at db-1.internal:5432 has no "orders"; 001_create-orders is pending, 002_health', secrets), 'user [redacted] at [redacted]:5432 has no "[redacted]"; 001_create-orders is pending, 002_health')
  t.equal(redact('password authentication of "payments.svc" failed', secretsOf({ url: 'amqp://payments.svc@h' })), 'password authentication of "[redacted]" failed')
})

test('schemes by themselves and places in source files stay', async t => {
  for (const text of ['It must start with http:// or https://, or redis://.', 'at check (file:///app/checks.js:12:7)', '(amqp:// is not spoken)']) t.equal(redact(text), text)
})

test('only what may be as long as a server likes is cut', async t => {
  const text = redactBriefly('x'.repeat(5000))
  t.equal(text.length, 1001)
  t.ok(text.endsWith('…'))
  t.equal(redactBriefly('x'.repeat(1000)).length, 1000)
  t.equal(redact('x'.repeat(5000)).length, 5000)
})

test('a text of any length comes to an end', async t => {
  // One that is looked at anew from each of its characters would take minutes, in which the process does nothing else.
  for (const part of ['a.', 'a-', 'a:', '1.', 'a://', "a://'", ':', 'f:f', 'ENOTFOUND ', 'queryA', 'queryA E', 'Host: ', 'Host: a is not ']) t.type(redact(part.repeat(500_000)), 'string', part)
})

test('the secrets of options are what their URLs are made of, as written and as meant', async t => {
  const url = 'amqp://canary-user:canary%20password@canary.internal:5672/canary-path/x?key=canary%2Dquery'
  const { texts, names } = secretsOf({ url })
  for (const secret of [url, 'canary%20password', 'canary password', 'canary.internal:5672', 'canary-query', 'canary%2Dquery']) t.ok(texts.has(secret), secret)
  t.strictSame([...names], ['canary-user', 'canary.internal', 'canary-path'])
})

test('a host name is a secret without a dot in it, too', async t => {
  t.ok(secretsOf({ url: 'redis://payments-cache:6379' }).names.has('payments-cache'))
})

test('names that everybody uses are no secrets', async t => {
  const { texts, names } = secretsOf(['postgres://postgres:canary-password@localhost:5432', 'redis://default@redis:6379'])
  t.ok(texts.has('canary-password'))
  t.strictSame([...names], [])
})

test('what is named a secret is one, with all that it holds', async t => {
  for (const name of ['password', 'pass', 'secretKey', 'apiKey', 'api_key', 'accessToken', 'Authorization', 'cookie', 'dbPwd', 'dsn', 'connectionString', 'privateKey']) {
    t.strictSame([...secretsOf({ [name]: 'canary-1' }).texts], ['canary-1'], name)
  }
  t.strictSame([...secretsOf({ credentials: { user: 'canary-1', list: ['canary-2', 12345n, 67890, 5] } }).texts], ['canary-1', 'canary-2', '12345', '67890'])
  t.strictSame([...secretsOf({ secretKey: Buffer.from('canary-1'), passengers: 12345 }).texts], ['canary-1'])
  t.strictSame([...secretsOf({ name: 'plain', dir: '/data', bytes: Buffer.from('plain') }).texts], [])
})

test('a secret that is made of settings is taken apart', async t => {
  const { texts } = secretsOf({ connectionString: "host=db.internal password='canary 1' sslmode=on" })
  for (const secret of ['db.internal', 'canary']) t.ok(texts.has(secret), secret)
  t.strictSame([...secretsOf({ secretKey: 'words of a secret' }).texts], ['words of a secret'])
})

test('a URL object counts as a URL', async t => {
  t.ok(secretsOf({ target: new URL('http://u:canary-password@host') }).texts.has('canary-password'))
})

test('a URL that is not well encoded is taken as it is', async t => {
  t.ok(secretsOf({ url: 'redis://u:canary%ZZ@host' }).texts.has('canary%ZZ'))
})

test('options that go round in circles come to an end', async t => {
  class Client {
    password = 'canary-1'
  }
  const options: Record<string, unknown> = { token: 'canary-2', client: new Client(), bytes: new Uint8Array(8) }
  options['self'] = options
  t.strictSame([...secretsOf(options).texts].sort(), ['canary-1', 'canary-2'])
})

test('a secret is found in every form that it may be written in', async t => {
  const secret = 'canary pass/word+é'
  const bytes = Buffer.from(secret)
  for (const options of [{ password: secret }, { options: new Map([['password', secret]]) }, { headers: new Headers({ authorization: 'canary pass/word+' }) }, { url: `redis://user:${encodeURIComponent(secret)}@host` }]) {
    const secrets = secretsOf(options)
    const forms = 'headers' in options ? ['canary pass/word+'] : [secret, encodeURIComponent(secret), bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')]
    for (const form of forms) t.equal(redact(`before ${form} after`, secrets), 'before [redacted] after', form)
  }
  const basic = Buffer.from('user:canary-password').toString('base64')
  t.equal(redact(`Basic ${basic}`, secretsOf({ url: 'http://user:canary-password@host' })), 'Basic [redacted]')
})

test('a secret of three characters is one as a word only', async t => {
  t.equal(redact('no access with abc, but abcd', secretsOf({ password: 'abc' })), 'no access with [redacted], but abcd')
  t.equal(redact('ab', secretsOf({ password: 'ab' })), 'ab')
})

test('a text of 50 MiB is cut before it is looked into, and no part of a secret shows at the cut', async t => {
  const secrets = secretsOf({ password: 'canary-password' })
  const most = 2000 + 40
  for (let at = most - 60; at < most; at++) {
    const clean = redactBriefly(`${'http://a.internal '.repeat(200).slice(0, at)}canary-password${'x'.repeat(2000)}`, secrets)
    t.ok(clean.length <= 1001)
    t.notMatch(clean, 'canary')
  }
  t.equal(redactBriefly('x'.repeat(50 * 2 ** 20), secrets).length, 1001)
  t.equal(redactBriefly('x'.repeat(5000)).length, 1001)
})

test('the login and every host of a URL of several hosts are secrets', async t => {
  const secrets = secretsOf({ connectionString: 'postgres://clerk:sesame@db-one:5432,db-two:5433/orders' })
  t.equal(redact('clerk, sesame, db-one, db-two, orders', secrets), Array.from({ length: 5 }, () => '[redacted]').join(', '))
})

test('secrets are found beside what cannot be read', async t => {
  class Broken extends Map { override [Symbol.iterator] (): never { throw new Error('not now') } }
  const { texts } = secretsOf({ proxy: revoked({}), list: [revoked([])], map: new Map([[Object.create(null), 'x']]), broken: new Broken(), url: Object.create(URL.prototype), password: 'canary' })
  t.ok(texts.has('canary'))
})
