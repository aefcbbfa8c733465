import { test } from 'tap'
import { unavailable, wordsFor } from '../../lib/clients/driver-errors.js'
import { ServiceUnavailable, ServiceWarning } from '../../lib/errors.js'

const withCode = (code: string, message = 'canary') => Object.assign(new Error(message), { code })

test('codes of the system, of PostgreSQL, of Redis and of S3 have words', async t => {
  for (const [error, words] of [
    [withCode('ECONNREFUSED'), 'connection refused'],
    [withCode('ECONNRESET'), 'connection lost'],
    [withCode('ETIMEDOUT'), 'timed out'],
    [withCode('ENOTFOUND'), 'host not found'],
    [withCode('EHOSTUNREACH'), 'host unreachable'],
    [withCode('28P01'), 'authentication failed'],
    [withCode('3D000'), 'database does not exist'],
    [withCode('53300'), 'too many connections'],
    [withCode('57P03'), 'starting up or shutting down'],
    [withCode('ENOSPC'), 'no space left'],
    [withCode('EISDIR'), 'not a file'],
    [withCode('ELOOP'), 'too many symbolic links'],
    [withCode('EIO'), 'input/output error'],
    [withCode('ESTALE'), 'stale file handle'],
    [withCode('EACCES'), 'permission denied'],
    [withCode('CERT_HAS_EXPIRED'), 'certificate not trusted'],
    [new Error('WRONGPASS invalid username-password pair or user is disabled.'), 'authentication failed'],
    [new Error("NOPERM User shop has no permissions to run the 'ping' command"), 'permission denied'],
    [new Error('LOADING Redis is loading the dataset in memory'), 'starting up or shutting down'],
    [new Error('ENOENT: no such file or directory'), 'no such file or folder'],
    [Object.assign(new Error('canary'), { name: 'NoSuchBucket' }), 'no such bucket'],
  ] as const) t.equal(wordsFor(error), words, `${error}`)
})

test('a driver that gives no code is known by its text', async t => {
  for (const [message, words] of [
    ['Connection terminated unexpectedly', 'connection lost'],
    ['The server does not support SSL connections', 'TLS is not supported'],
    ['ERR invalid password', 'authentication failed'],
    ['The client is closed', 'connection lost'],
    ['ERR DB index is out of range', 'database does not exist'],
    ['timeout exceeded when trying to connect', 'timed out'],
    ['SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string', 'authentication failed'],
  ]) t.equal(wordsFor(new Error(message)), words)
})

test('what is not in the table has no words', async t => {
  for (const error of [new Error('canary'), withCode('E_CANARY'), 'ECONNREFUSED', null, undefined, {}]) t.equal(wordsFor(error), undefined)
})

test('the words of a cause count, however deep, and those of each error of an aggregate', async t => {
  const refused = withCode('ECONNREFUSED')
  t.equal(wordsFor(new Error('fetch failed', { cause: new Error('inner', { cause: refused }) })), 'connection refused')
  t.equal(wordsFor(new AggregateError([new Error('canary'), refused])), 'connection refused')
})

test('causes that go round in a circle come to an end', async t => {
  const error = new Error('canary')
  error.cause = error
  t.equal(wordsFor(error), undefined)
})

test('a known error becomes a ServiceUnavailable in the table\'s words, with its cause', async t => {
  const cause = withCode('ECONNREFUSED', 'connect ECONNREFUSED canary:5432')
  const error = unavailable(cause)
  t.ok(error instanceof ServiceUnavailable)
  t.match(error, { message: 'connection refused', cause })
})

test('an error that is unknown, or a check\'s own already, comes back as it is', async t => {
  for (const error of [new Error('canary'), new ServiceWarning('late', { cause: withCode('ECONNREFUSED') }), null, 'text']) t.equal(unavailable(error), error)
})
