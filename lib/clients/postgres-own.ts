import type { Socket } from 'node:net'
import type pg from 'pg'
import { explain, wordsFor } from './driver-errors.js'
import { assertMode, isWrongMode, modeColumn, type SessionAttributes } from './postgres-hosts.js'
import type { Connection } from './shared-connection.js'
import { ServiceUnavailable } from '../errors.js'

/** A connected client. */
export type PostgresClient = Pick<pg.ClientBase, 'query' | 'once'>

/** The servers to connect to. */
export interface Wanted {
  /** A client for each host. */
  readonly hosts: ReadonlyArray<() => pg.Client>
  /** The kind of server that is wanted. */
  readonly attributes: SessionAttributes
  /** If there are several hosts, all of them together may take this many milliseconds. */
  readonly patience: number
}

/**
 * Opens a connection of the checks. A failure before it is ready closes its socket. An unused connection does not keep the process alive.
 */
export function postgresConnection (wanted: Wanted): Connection<PostgresClient> {
  const connection = new PostgresConnection(wanted)
  return {
    connected: connection.connect(),
    isLost: failure => connection.isLost || wordsFor(failure) === 'connection lost' || (wanted.hosts.length > 1 && isWrongMode(failure)),
    sayGoodbye: () => connection.end(),
    destroy: () => connection.destroy(),
  }
}

class PostgresConnection {
  isLost = false
  readonly #wanted: Wanted
  #client: pg.Client | undefined
  #socket: Socket | undefined
  #isGivenUp = false

  constructor (wanted: Wanted) {
    this.#wanted = wanted
  }

  async connect (): Promise<PostgresClient> {
    const { hosts, patience, attributes } = this.#wanted
    const tries = (attributes === 'prefer-standby' ? [attributes, 'any'] as const : [attributes])
      .flatMap(attributes => hosts.map(make => ({ make, attributes })))
    const share = tries.length > 1 ? patience / tries.length : undefined
    const failures: unknown[] = []
    for (const { make, attributes } of tries) {
      try {
        return await this.#open(make(), attributes, share)
      } catch (error) {
        failures.push(error)
        this.#cut()
        // Like libpq, this does not try the next host, which would get the same login.
        if (this.#isGivenUp || wordsFor(error) === 'authentication failed') break
      }
    }
    throw summed(failures)
  }

  async end (): Promise<void> {
    await this.#client?.end()
  }

  destroy (): void {
    this.#isGivenUp = true
    this.#cut()
  }

  #cut (): void {
    // With TLS there are two sockets, one on top of the other.
    streamOf(this.#client)?.destroy()
    this.#socket?.destroy()
  }

  async #open (client: pg.Client, attributes: SessionAttributes, share: number | undefined): Promise<PostgresClient> {
    this.#client = client
    this.#socket = streamOf(client)
    client.on('error', () => { this.isLost = true })
    client.on('end', () => { this.isLost = true })
    this.isLost = false
    refuseStrangers(client)
    const late = share === undefined
      ? undefined
      : setTimeout(() => this.#socket?.destroy(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })), share)
    try {
      await client.connect()
      if (attributes !== 'any') assertMode(Number((await client.query(`SELECT ${modeColumn} AS mode`)).rows[0].mode), attributes)
    } finally {
      clearTimeout(late)
    }
    streamOf(client)?.unref()
    return client
  }
}

function summed (failures: readonly unknown[]): unknown {
  const last = failures.at(-1)
  const words = explain(last)
  return failures.length === 1 || words === undefined
    ? last
    : new ServiceUnavailable(words.message, { cause: new AggregateError(failures) })
}

// The members below are not public in pg.

interface Inside {
  /** The native client does not have this member. */
  readonly connection?: {
    readonly stream: Socket
    readonly ssl: unknown
    readonly sslNegotiation?: string
    emit (event: 'error', error: Error): boolean
  }
}

export function streamOf (client: object | undefined): Socket | undefined {
  return (client as Inside | undefined)?.connection?.stream
}

/** Ends a connection to a server of another protocol. pg would read its answer as the beginning of a long message, and wait. */
export function refuseStrangers (client: object): void {
  const { connection } = client as Inside
  if (connection === undefined || connection.sslNegotiation === 'direct') return
  const { stream, ssl } = connection
  const isAnswer = ssl ? isAnswerToTls : isMessage
  stream.prependOnceListener('data', bytes => {
    if (isAnswer(bytes)) return
    connection.emit('error', new Error('received no message of PostgreSQL'))
    stream.destroy()
  })
}

function isAnswerToTls (bytes: Buffer): boolean {
  return ['S', 'N'].includes(bytes.toString('latin1')) || isMessage(bytes)
}

// The first byte and the length must be in the limits that libpq sets for the first message of a server.
function isMessage (bytes: Buffer): boolean {
  if (!'RENv'.includes(bytes.toString('latin1', 0, 1))) return false
  if (bytes.length < 5) return true
  const length = bytes.readInt32BE(1)
  return length >= 4 && length <= 30_000
}
