import { test } from 'tap'
import { unavailable, wordsFor } from '../../lib/clients/driver-errors.js'
import { ServiceUnavailable, ServiceWarning } from '../../lib/errors.js'

const withCode = (code: string, message = 'canary') => Object.assign(new Error(message), { code })

test('codes of the system, of PostgreSQL, of Redis, of S3 and of undici have words', async t => {
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
    [withCode('UND_ERR_DESTROYED'), 'connection pool closed'],
    [withCode('EISDIR'), 'not a file'],
    [withCode('ELOOP'), 'too many symbolic links'],
    [withCode('EIO'), 'input/output error'],
    [withCode('ESTALE'), 'stale file handle'],
    [withCode('EACCES'), 'permission denied'],
    [withCode('CERT_HAS_EXPIRED'), 'certificate not trusted'],
    [new Error('WRONGPASS invalid username-password pair or user is disabled.'), 'authentication failed'],
    [new Error("NOPERM User shop has no permissions to run the 'ping' command"), 'permission denied'],
    [new Error('LOADING Redis is loading the dataset in memory'), 'starting up or shutting down'],
    [new Error('CLUSTERDOWN The cluster is down'), 'cluster is down'],
    [new Error('NOREPLICAS Not enough good replicas to write.'), 'too few replicas'],
    [new Error('BUSY Redis is busy running a script.'), 'busy with a script'],
    [new Error('ENOENT: no such file or directory'), 'no such file or folder'],
    [Object.assign(new Error('canary'), { name: 'ExpiredToken' }), 'credentials have expired'],
    [Object.assign(new Error('canary'), { name: 'SlowDown' }), 'asked to send less'],
    [Object.assign(new Error('canary'), { name: 'NoSuchBucket' }), 'no such bucket'],
  ] as const) t.equal(wordsFor(error), words, `${error}`)
})

test('a driver that gives no code is known by its text', async t => {
  for (const [message, words] of [
    ['Connection terminated unexpectedly', 'connection lost'],
    ['The server does not support SSL connections', 'TLS is not supported'],
    ['ERR invalid password', 'authentication failed'],
    ['The client is closed', 'connection lost'],
    ['14 UNAVAILABLE: Connection dropped', 'connection lost'],
    ["CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'", 'connection lost'],
    ['Heartbeat timeout', 'connection lost'],
    ['ERR DB index is out of range', 'database does not exist'],
    ['timeout exceeded when trying to connect', 'no connection of the pool came in time'],
    ['Query read timeout', 'timed out'],
    ['Connection timeout', 'timed out'],
    ['Socket timeout timeout. Expecting data, but didn\'t receive any in 5000ms.', 'timed out'],
    ['Timeout waiting for a client', 'no connection of the pool came in time'],
    ['The client is offline', 'client is not connected'],
    ['Disconnects client', 'connection lost'],
    ['All the root nodes are unavailable', 'no node of the cluster can be reached'],
    ['All sentinels are unreachable. Retrying from scratch after 10ms.', 'no sentinel can be reached'],
    ['Too many Cluster redirections. Last error: Error: MOVED 1 canary:1', 'cluster keeps redirecting'],
    ['Connection pool is closed.', 'client is closed'],
    ['The database connection is not open', 'client is closed'],
    ['database is not open', 'client is closed'],
    ['database table is locked: orders', 'database is locked'],
    ['database disk image is malformed', 'database is damaged'],
    ['file is not a database', 'database is damaged'],
    ['database or disk is full', 'no space left'],
    ['attempt to write a readonly database', 'read only'],
    ['no such table: orders', 'table does not exist'],
    ['SELECT 1 FROM orders - no such table: orders', 'table does not exist'],
    ['no such column: id', 'column does not exist'],
    ['near "FROM": syntax error', 'query has a syntax error'],
    ['incomplete input', 'query has a syntax error'],
    ['unable to open database file', 'database file cannot be opened'],
    ['SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string', 'authentication failed'],
  ]) t.equal(wordsFor(new Error(message)), words)
})

test('a code that covers several faults is told by its text', async t => {
  t.equal(wordsFor(withCode('28000', 'no pg_hba.conf entry for host "10.0.0.1", user "canary"')), 'this client is not allowed in (pg_hba.conf)')
  t.equal(wordsFor(withCode('28000', 'role "canary" is not permitted to log in')), 'authentication failed')
  t.equal(wordsFor(withCode('08P01', 'query_wait_timeout')), 'pgbouncer has no connection to the server to give')
  t.equal(wordsFor(withCode('08P01', 'no such database: canary')), 'database does not exist')
  t.equal(wordsFor(withCode('08P01', 'database "canary" is disabled')), 'database is disabled')
  t.equal(wordsFor(withCode('08P01', 'no more connections allowed (max_client_conn)')), 'too many connections')
  t.equal(wordsFor(withCode('08P01', 'server login has been failing, try again later (server_login_retry)')), 'pgbouncer cannot reach the server')
})

test('what is not in the table has no words', async t => {
  for (const error of [new Error('canary'), withCode('E_CANARY'), 'ECONNREFUSED', null, undefined, {}]) t.equal(wordsFor(error), undefined)
})

test('the words of a cause count, however deep, and those of each error of an aggregate', async t => {
  const refused = withCode('ECONNREFUSED')
  t.equal(wordsFor(new Error('fetch failed', { cause: new Error('inner', { cause: refused }) })), 'connection refused')
  t.equal(wordsFor(new AggregateError([new Error('canary'), refused])), 'connection refused')
})

test('a pool that had no connection in time tells why, where it knows', async t => {
  const late = withCode('ER_GET_CONNECTION_TIMEOUT')
  t.equal(wordsFor(late), 'no connection of the pool came in time')
  late.cause = withCode('ECONNREFUSED')
  t.equal(wordsFor(late), 'connection refused')
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
