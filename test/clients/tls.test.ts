import { test } from 'tap'
import { certificatesIn, pem, tlsMaterial, tlsRequirements } from '../../lib/clients/tls.js'
import { startAuthority } from '../helpers/certificates.js'

test('what is given is passed on as lists, and what is not is left out', t => {
  const key = Buffer.from('key')
  t.strictSame(tlsMaterial({ ca: 'a', cert: ['b', 'c'], key }), { ca: ['a'], cert: ['b', 'c'], key: [key] })
  t.strictSame(tlsMaterial({ ca: undefined }), {})
  t.end()
})

test('PEM is a text or bytes, or a list of them; a key is never shown', t => {
  const text = '-----BEGIN CERTIFICATE-----'
  for (const value of [text, Buffer.from('a'), [text, Buffer.from('a')]]) t.ok(pem().test(value))
  for (const value of ['', 'ca.pem', Buffer.alloc(0), [], [1], 1, null, {}]) t.notOk(pem().test(value))
  t.equal(pem({ secret: true }).secret, true)
  t.equal(pem().secret, false)
  t.end()
})

test('the certificates of a PEM are read, and what is between them is not', async t => {
  const root = await startAuthority(t)
  const { cert, key } = await root.issue('shop')
  t.strictSame(certificatesIn(`${key}${cert}\ntext\n${root.certificate.cert}`).map(({ subject }) => subject), ['CN=shop', 'CN=Root'])
  t.strictSame(certificatesIn(Buffer.from(cert)).map(({ subject }) => subject), ['CN=shop'])
  t.strictSame(certificatesIn(key), [])
})

test('what cannot be used is told, with what to do', async t => {
  const root = await startAuthority(t)
  const [one, other] = [await root.issue('one'), await root.issue('other')]
  t.strictSame(await tlsRequirements({}), [])
  t.strictSame(await tlsRequirements({ ca: root.certificate.cert, cert: one.cert, key: one.key }), [])
  t.match(await tlsRequirements({ key: one.key }), [{ message: '`key` is given, and no `cert`', hint: 'A client needs both: its certificate, and the key of it.' }])
  t.match(await tlsRequirements({ cert: one.cert }), [{ message: '`cert` is given, and no `key`' }])
  t.match(await tlsRequirements({ cert: one.cert, key: other.key }), [{ message: /^`cert`, `key` cannot be used: .*mismatch/, hint: /belongs to `cert`/ }])
  t.match(await tlsRequirements({ ca: one.key }), [{ message: '`ca` cannot be used: there is no certificate in it' }])
  t.notMatch(JSON.stringify(await tlsRequirements({ cert: one.cert, key: 'canary' })), 'canary')
})
