import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { Parser } from 'pickleparser'
import { ServiceReturnedUnexpectedResult, ServiceUnavailable, type HealthCheckError } from '../../errors.js'

/** The address to which workers reply, with the names of kombu. */
export interface ReplyTo {
  readonly exchange: string
  readonly routing_key: string
}

/** A message from the reply queue. */
export interface WorkerReply {
  /** The ticket of the call that it answers. */
  readonly ticket: unknown
  readonly contentType: unknown
  readonly body: Buffer
}

type ControlMethod = 'ping' | 'active_queues'

/**
 * One broadcast to all workers, and the verdict from their replies. It ends as soon as the outcome is known. The number of workers is not
 * known in advance, unless the broker tells it.
 *
 * The messages are those of `pidbox` in kombu and of `worker.control` in Celery.
 */
export class Poll {
  readonly #queues: readonly string[]
  readonly #tickets = new Map<string, ControlMethod>()
  readonly #attended = new Set<string>()
  readonly #unattended = new Set<string>()
  readonly #faults: HealthCheckError[] = []
  readonly #over = new AbortController()
  #isAnswered = false
  #replies = 0
  #expected = Infinity

  /** @param queues the queues that workers must consume. If there are none, any worker is enough. */
  constructor (queues: readonly string[]) {
    this.#queues = queues
    this.#tickets.set(randomUUID(), 'ping')
    if (queues.length > 0) this.#tickets.set(randomUUID(), 'active_queues')
  }

  /** Returns the messages to every worker, as JSON. */
  commands (replyTo: ReplyTo): Buffer[] {
    return [...this.#tickets].map(([ticket, method]) => Buffer.from(JSON.stringify({
      method, arguments: {}, destination: null, pattern: null, matcher: null, ticket, reply_to: replyTo,
    })))
  }

  /** Sets the largest number of replies, which the broker reported. */
  expect (replies: number): void {
    this.#expected = replies
    this.#look()
  }

  /** Notes that this queue has no consumer, even if a worker says that it consumes it. */
  unattended (queue: string): void {
    this.#unattended.add(queue)
    this.#look()
  }

  /** Takes a message of the reply queue. A message without a ticket of this poll is ignored. */
  receive (message: WorkerReply): void {
    const method = this.#tickets.get(String(message.ticket))
    if (method === undefined) return
    this.#replies++
    this.#judge(method, message)
    this.#look()
  }

  /** `true` says that no more replies can come. */
  get isComplete (): boolean {
    return this.#replies >= this.#expected
  }

  /** The signal is aborted as soon as the outcome is known. */
  get over (): AbortSignal {
    return this.#over.signal
  }

  /** Returns the faults that are known now. */
  verdict (): HealthCheckError[] {
    if (this.#faults.length > 0) return this.#faults
    if (!this.#isAnswered) return [new ServiceUnavailable('Celery workers unavailable')]
    return this.#queues
      .filter(queue => !this.#attended.has(queue))
      .map(queue => new ServiceUnavailable(`No worker for Celery task queue ${queue}`))
  }

  #look (): void {
    const isKnown = this.#faults.length > 0 || this.isComplete ||
      (this.#isAnswered && this.#queues.every(queue => this.#attended.has(queue) || this.#unattended.has(queue)))
    if (isKnown) this.#over.abort()
  }

  #judge (method: ControlMethod, message: WorkerReply): void {
    const reply = parseReply(message)
    if (reply === undefined) {
      this.#faults.push(new ServiceReturnedUnexpectedResult('Celery worker response was neither JSON nor pickle'))
      return
    }
    for (const [worker, answer] of Object.entries(reply)) {
      if (method === 'ping' && isDeepStrictEqual(answer, { ok: 'pong' })) this.#isAnswered = true
      else if (method === 'active_queues' && isQueueList(answer)) for (const { name } of answer) this.#attended.add(name)
      else this.#faults.push(new ServiceReturnedUnexpectedResult(`Celery worker ${worker} response was incorrect`))
    }
  }
}

// The `task_serializer` of the workers decides the format. The parser of pickles runs no code of a pickle.
function parseReply ({ contentType, body }: WorkerReply): object | undefined {
  try {
    const value: unknown = contentType === 'application/x-python-serialize' ? new Parser().parse(body) : JSON.parse(body.toString())
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

function isQueueList (answer: unknown): answer is Array<{ name: string }> {
  return Array.isArray(answer) && answer.every(queue => typeof queue?.name === 'string')
}
