import { randomUUID } from 'node:crypto'
import type { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { monotonic } from '../../time/clock.js'
import { pause } from '../../time/abortable.js'
import { ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../../errors.js'
import { healthJobAnswer, healthJobName } from '../../heartbeat/bullmq.js'
import type { Interruption } from '../../time/stop-signal.js'
import type { Leftovers } from '../../clients/leftovers.js'
import { withoutDriver } from '../../clients/requirements.js'
import { lookAtQueues } from './look.js'

export interface RoundTrip {
  readonly client: Redis
  readonly prefix: string
  readonly queue: string
  /** A worker may take this many milliseconds. */
  readonly maxWait: number
  readonly signal: Interruption
  /** The jobs that runs have added. One that a worker holds cannot be removed. */
  readonly leftovers: Leftovers
}

/** Loads the driver when it is used. */
export const bullmq = async (): Promise<Pick<typeof import('bullmq'), 'Queue'>> => await import('bullmq').catch(withoutDriver('bullmq'))

/**
 * Adds a job, and waits until a worker has answered it. The job goes to the front of the queue, so that a long queue does not delay it. It
 * removes itself at its end, so that nothing is left even if a worker is late.
 *
 * @throws ServiceUnavailable if no worker answered in time, or there is no such queue.
 * @throws ServiceReturnedUnexpectedResult if a worker gave another answer.
 */
export async function roundTrip (trip: RoundTrip): Promise<void> {
  const { Queue } = await bullmq()
  const { client, signal } = trip
  // Without this, the job would make a queue of a misspelt name, which would stay for ever.
  if (!await isThere(trip)) throw new ServiceUnavailable(`queue '${trip.queue}' does not exist`)
  const queue = queueOf(Queue, trip)
  const jobId = `${healthJobName}-${randomUUID()}`
  try {
    for (const earlier of trip.leftovers.left) await remove(queue, earlier, trip.leftovers)
    trip.leftovers.use(jobId)
    const deadline = monotonic() + trip.maxWait
    await queue.add(healthJobName, {}, { jobId, lifo: true, attempts: 1, removeOnComplete: true, removeOnFail: true })
    for (let wait = 2; await client.exists(queue.toKey(jobId)) === 1; wait = Math.min(wait * 2, 50)) {
      const left = deadline - monotonic()
      if (left <= 0) throw await failureOfLate(trip, queue, jobId)
      await pause(Math.min(wait, left), signal)
    }
    await assertAnswered(trip, queue, jobId)
  } finally {
    await remove(queue, jobId, trip.leftovers)
    await queue.close()
  }
}

// Every program that adds a job makes this key, and so do workers of BullMQ 6. Workers of BullMQ 5 only have a connection.
async function isThere ({ client, prefix, queue }: RoundTrip): Promise<boolean> {
  if (await client.exists(`${prefix}:${queue}:meta`) === 1) return true
  const states = await lookAtQueues(client, prefix, [queue])
  return [...states.values()].some(({ workers }) => workers.length > 0)
}

async function failureOfLate ({ queue: name, maxWait }: RoundTrip, queue: Queue, jobId: string): Promise<ServiceUnavailable> {
  if (await queue.isPaused()) return new ServiceUnavailable(`queue '${name}' is paused: no worker takes the health job`)
  return new ServiceUnavailable(await queue.getJobState(jobId) === 'active'
    ? `a worker of queue '${name}' took the health job and did not finish it within ${maxWait} ms`
    : `no worker of queue '${name}' took the health job within ${maxWait} ms`)
}

type Place = Pick<RoundTrip, 'client' | 'prefix' | 'queue'>

function queueOf (Queue: typeof import('bullmq').Queue, { client, prefix, queue: name }: Place): Queue {
  const queue = new Queue(name, { connection: client, prefix, skipVersionCheck: true, skipMetasUpdate: true })
  // The event adds nothing, since the call that fails also rejects.
  queue.on('error', () => {})
  return queue
}

async function remove (queue: Queue, jobId: string, leftovers: Leftovers): Promise<void> {
  try {
    if (await queue.remove(jobId) === 1) leftovers.removed(jobId)
    else leftovers.leave(jobId)
  } catch {
    leftovers.leave(jobId)
  }
}

/** Removes the jobs that no worker holds. One that a worker holds removes itself at its end. */
export async function removeAll (place: Place, jobIds: readonly string[]): Promise<void> {
  const { Queue } = await bullmq()
  const queue = queueOf(Queue, place)
  for (const jobId of jobIds) await queue.remove(jobId)
  await queue.close()
}

const hint = 'wrap its processor in withHealthJobs()'

async function assertAnswered ({ client, queue: name }: RoundTrip, queue: Queue, jobId: string): Promise<void> {
  const event = await endOf(client, queue.toKey('events'), jobId)
  switch (event?.get('event')) {
    case 'completed':
      if (event.get('returnvalue') === JSON.stringify(healthJobAnswer)) return
      throw new ServiceReturnedUnexpectedResult(`a worker of queue '${name}' took the health job for one of its own: ${hint}`)
    case 'failed':
      throw new ServiceReturnedUnexpectedResult(`a worker of queue '${name}' failed the health job: ${hint}`)
    default:
      throw new ServiceReturnedUnexpectedResult(`the health job of queue '${name}' is gone, and nothing tells whether a worker answered it`)
  }
}

const ends = new Set<string | undefined>(['completed', 'failed'])
const eventsPerPage = 500
/** All pages together hold as many events as BullMQ keeps by default. */
const maxPages = 20

// The end of a job that removed itself is only in the event stream of its queue. The job has just ended, so the newest events come first.
async function endOf (client: Redis, stream: string, jobId: string): Promise<Map<string, string> | undefined> {
  let end = '+'
  for (let page = 0; page < maxPages; page++) {
    const events = await client.xrevrange(stream, end, '-', 'COUNT', eventsPerPage)
    for (const [id, fields] of events) {
      const event = eventOf(fields)
      if (event.get('jobId') === jobId && ends.has(event.get('event'))) return event
      end = `(${id}`
    }
    if (events.length < eventsPerPage) return undefined
  }
  return undefined
}

function eventOf (fields: readonly string[]): Map<string, string> {
  const event = new Map<string, string>()
  for (let i = 0; i < fields.length; i += 2) event.set(fields[i] as string, fields[i + 1] as string)
  return event
}
