import { isHealthCheckError, ServiceUnavailable, type HealthCheckError } from '../errors.js'

/** The words for a pool that had no connection to lend in time, because all are lent or because none can be made. */
export const noConnectionInTime = 'no connection of the pool came in time'

// The codes of drivers and of the system, by the words for them. The words name no host, user or database.
const codesByWords: Readonly<Record<string, readonly string[]>> = {
  'connection refused': ['ECONNREFUSED'],
  'connection lost': [
    'ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ERR_STREAM_DESTROYED', 'UND_ERR_SOCKET', '57P01', '57P02', '08000', '08003', '08006',
    'MaxRetriesPerRequestError', 'PROTOCOL_CONNECTION_LOST', 'CONNECTION_CLOSED', 'ClosedConnectionError', 'ER_SERVER_GONE',
    'ConnectionClosed', 'ER_CONNECTION_KILLED',
  ],
  [noConnectionInTime]: [
    'MongoWaitQueueTimeoutError', 'KnexTimeoutError', 'SequelizeConnectionAcquireTimeoutError', 'ER_GET_CONNECTION_TIMEOUT', 'P2024',
  ],
  'connection pool closed': ['UND_ERR_CLOSED', 'UND_ERR_DESTROYED'],
  'no node of the cluster can be reached': ['ClusterAllFailedError'],
  'timed out': [
    'ETIMEDOUT', 'ETIMEOUT', 'ESOCKETTIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', '57014',
    'ER_LOCK_WAIT_TIMEOUT', 'ER_STATEMENT_TIMEOUT', 'SocketTimeout',
  ],
  'host not found': ['ENOTFOUND', 'EAI_AGAIN'],
  'host unreachable': ['EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN', 'EADDRNOTAVAIL'],
  'authentication failed': [
    '28P01', '28000', 'WRONGPASS', 'NOAUTH', 'ACCESS_REFUSED', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'ER_ACCESS_DENIED_ERROR',
    'ER_ACCESS_DENIED_NO_PASSWORD_ERROR', 'AuthenticationFailed',
  ],
  'permission denied': [
    '42501', 'NOPERM', 'EACCES', 'EPERM', 'AccessDenied', 'ER_DBACCESS_DENIED_ERROR', 'ER_TABLEACCESS_DENIED_ERROR', 'DatabaseAccessDenied',
  ],
  'server cannot be reached': ['DatabaseNotReachable'],
  'database does not exist': ['3D000', 'DatabaseDoesNotExist', 'ER_BAD_DB_ERROR'],
  'table does not exist': ['42P01', 'ER_NO_SUCH_TABLE', 'TableDoesNotExist'],
  'column does not exist': ['42703', 'ER_BAD_FIELD_ERROR', 'ColumnNotFound'],
  'query has a syntax error': ['42601', 'ER_PARSE_ERROR'],
  'too many connections': ['53300', 'ER_CON_COUNT_ERROR', 'ER_USER_LIMIT_REACHED', 'ER_TOO_MANY_USER_CONNECTIONS', 'TooManyConnections'],
  'starting up or shutting down': ['57P03', 'LOADING', 'ER_SERVER_SHUTDOWN'],
  'this client is not allowed in': ['ER_HOST_NOT_PRIVILEGED', 'ER_HOST_IS_BLOCKED'],
  'cluster is down': ['CLUSTERDOWN'],
  'replica has lost its primary': ['MASTERDOWN'],
  'too few replicas': ['NOREPLICAS'],
  'busy with a script': ['BUSY'],
  'credentials have expired': ['ExpiredToken'],
  'no credentials': ['CredentialsProviderError'],
  'asked to send less': ['SlowDown'],
  'failed inside the server': ['InternalError'],
  'bucket is in another region': ['PermanentRedirect'],
  'no such file or folder': ['ENOENT', 'NoSuchKey'],
  'no such bucket': ['NoSuchBucket'],
  'not a folder': ['ENOTDIR'],
  'not a file': ['EISDIR'],
  'too many symbolic links': ['ELOOP'],
  'name too long': ['ENAMETOOLONG'],
  'read only': ['25006', 'READONLY', 'EROFS', 'ER_OPTION_PREVENTS_STATEMENT', 'ER_READ_ONLY_MODE'],
  'out of memory': ['53200', 'OOM'],
  'not able to persist': ['MISCONF'],
  'no space left': ['ENOSPC', 'EDQUOT', '53100'],
  'input/output error': ['EIO'],
  'stale file handle': ['ESTALE'],
  'too many open files': ['EMFILE', 'ENFILE'],
  'certificate not trusted': [
    'CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'ERR_TLS_CERT_ALTNAME_INVALID', 'CERT_NOT_YET_VALID', 'CERT_REVOKED',
    'CERT_UNTRUSTED', 'CERT_REJECTED',
  ],
  'client certificate not accepted': [
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
    'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'ERR_SSL_TLS_ALERT_UNKNOWN_CA',
  ],
  'TLS handshake failed': [
    'EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'ERR_SSL_UNSUPPORTED_PROTOCOL',
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
  ],
}

const wordsByCode = new Map(Object.entries(codesByWords).flatMap(([words, codes]) => codes.map(code => [code, words] as const)))

// Some codes cover more than one fault, so the text is looked at first.
const wordsByTextFirst: ReadonlyArray<readonly [pattern: RegExp, words: string]> = [
  // The text quotes the error of the last sentinel.
  [/^All sentinels are unreachable/, 'no sentinel can be reached'],
  [/^no pg_hba\.conf entry for .*(?:no encryption|SSL off)|^SSL required$/, 'this client is not allowed in without TLS'],
  [/^no pg_hba\.conf entry for/, 'this client is not allowed in (pg_hba.conf)'],
  // RabbitMQ closes the whole connection then.
  [/number of channels opened for user/, 'too many channels'],
  // All errors of pgbouncer have one code, 08P01.
  [/^query_wait_timeout/, 'pgbouncer has no connection to the server to give'],
  [/^no such database/, 'database does not exist'],
  [/^database "?.*"? is disabled/, 'database is disabled'],
  [/^no more connections allowed/, 'too many connections'],
  [/^(?:server login has been failing|server login failed|server conn crashed)/, 'pgbouncer cannot reach the server'],
]

// Some drivers give no code, or put it into the text.
const wordsByText: ReadonlyArray<readonly [pattern: RegExp, words: string]> = [
  [/\bACCESS[-_]REFUSED\b|^Handshake terminated by server: 403/, 'authentication failed'],
  // Redis before version 6 gives this text.
  [/^ERR invalid password/, 'authentication failed'],
  [
    /Connection terminated|^Client .* is not queryable|Connection is closed|The client is closed|Stream isn't writeable|Socket closed|other side closed|Unexpected close|Connection closed|Connection dropped|Command aborted due to connection close|^Disconnects client$|CONNECTION[-_]FORCED|^Heartbeat timeout$/i,
    'connection lost',
  ],
  [/^Cannot use a pool after calling end/, 'connection pool closed'],
  [/^(?:Client|Connection pool) is closed\.$/, 'client is closed'],
  // SQLite's messages. node:sqlite has one code for all of them, and Knex puts the query before them.
  [/^(?:The database connection|database) is not open/, 'client is closed'],
  [/(?:^| - )database (?:table )?is locked/, 'database is locked'],
  [/(?:^| - )(?:database disk image is malformed|file is not a database)/, 'database is damaged'],
  [/(?:^| - )database or disk is full/, 'no space left'],
  [/(?:^| - )attempt to write a readonly database/, 'read only'],
  [/(?:^| - )unable to open database file/, 'database file cannot be opened'],
  [/(?:^| - )no such table: /, 'table does not exist'],
  [/(?:^| - )no such column: /, 'column does not exist'],
  [/(?:^| - )(?:near ".*": syntax error|incomplete input)$/s, 'query has a syntax error'],
  [/DB index is out of range/, 'database does not exist'],
  [/max number of clients reached/, 'too many connections'],
  [/^Protocol error, got "|^Unknown RESP type /, 'what answers does not speak Redis'],
  // amqplib reports only this text if the virtual host does not exist, refuses the user, or has no connection left.
  [/^Expected ConnectionOpenOk; got <ConnectionClose/, 'virtual host does not exist, is full or refuses this user'],
  [/^No channels left to allocate/, 'too many channels'],
  [/^Frame size \d+ exceeds maxFrameSize|^Invalid frame/, 'what answers does not speak AMQP'],
  [/^The server does not support SSL connections/, 'TLS is not supported'],
  [/^There was an error establishing an SSL connection/, 'TLS handshake failed'],
  [/^received no message of PostgreSQL|^received invalid response: /, 'what answers does not speak PostgreSQL'],
  [/password must be a string/, 'authentication failed'],
  [
    /^timeout exceeded when trying to connect|^Timeout waiting for a client|^No connections available\.|^Queue limit reached\./,
    noConnectionInTime,
  ],
  [/^Too many Cluster redirections/, 'cluster keeps redirecting'],
  [/^Request timed out$|connect ETIMEDOUT|Command timed out|^Query read timeout|^Connection timeout$|^Socket timeout/i, 'timed out'],
  [/^All the root nodes are unavailable/, 'no node of the cluster can be reached'],
  [/^The client is offline/, 'client is not connected'],
]

/** Returns the words for a driver's error, or `undefined` if the error is not known. */
export function wordsFor (error: unknown): string | undefined {
  let late: string | undefined
  for (const candidate of causes(error)) {
    const { code, name, message = '', cause } = candidate as {
      code?: unknown
      name?: string
      message?: string
      cause?: { kind?: unknown, originalCode?: unknown } | null
    }
    // S3 puts its codes into `name`. The adapters of Prisma put theirs into `cause.kind`, and the database's into `cause.originalCode`.
    const words = textWords(wordsByTextFirst, message) ??
      wordsByCode.get(String(code)) ??
      wordsByCode.get(String(name)) ??
      wordsByCode.get(String(cause?.kind)) ??
      wordsByCode.get(String(cause?.originalCode)) ??
      wordsByCode.get(/^[A-Z]+/.exec(message)?.[0] ?? '') ??
      textWords(wordsByText, message) ??
      // Some clients keep the code of the system only in the text.
      wordsByCode.get(/\b(E[A-Z]{4,})\b/.exec(message)?.[1] ?? '')
    // A cause says why no connection came.
    if (words === noConnectionInTime) late = words
    else if (words !== undefined) return words
  }
  return late
}

function textWords (table: typeof wordsByText, message: string): string | undefined {
  return table.find(([pattern]) => pattern.test(message))?.[1]
}

/**
 * Returns the error to throw for an error of a driver, a `ServiceUnavailable` in the words of the table. An error that is not in the table
 * is returned as it is, so that it is logged and reported as unknown.
 */
export function unavailable (error: unknown): unknown {
  return explain(error) ?? error
}

/**
 * Explains an error of a driver or of the system in plain words that name no host, user or database. For example, `ECONNREFUSED` becomes a
 * `ServiceUnavailable` with the text "connection refused" and the error as its cause. The function also looks at the causes of an error,
 * and at the errors of an `AggregateError`. It returns an error of fastify-health as it is, and `undefined` for an unknown error.
 *
 * @example
 * catch (error) { throw explain(error) ?? error }
 */
export function explain (error: unknown): HealthCheckError | undefined {
  if (isHealthCheckError(error)) return error
  const words = wordsFor(error)
  return words === undefined ? undefined : new ServiceUnavailable(words, { cause: error })
}

/** Yields the error, its causes, and the errors of an `AggregateError`, the outermost first. */
export function * causes (error: unknown): Generator<Error> {
  const seen = new Set<unknown>()
  const open = [error]
  while (open.length > 0) {
    const next = open.shift()
    if (!(next instanceof Error) || seen.has(next)) continue
    seen.add(next)
    yield next
    // Sequelize, mssql and Prisma keep the error of their driver in these fields.
    const { original, originalError, meta } = next as {
      original?: unknown
      originalError?: unknown
      meta?: { driverAdapterError?: unknown } | null
    }
    open.push(next.cause, original, originalError, meta?.driverAdapterError, ...(next instanceof AggregateError ? next.errors : []))
  }
}
