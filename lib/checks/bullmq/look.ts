import type { Cluster, Redis } from 'ioredis'

/** The state of a queue, as Redis knows it. */
export interface QueueState {
  readonly paused: boolean
  /** The number of jobs that wait for a worker, without delayed jobs. */
  readonly waiting: number
  /** The milliseconds that the next job has waited, by the clock of Redis, or `undefined` if no job waits. */
  readonly oldestAge: number | undefined
  /** `true` says that the lock of a job is in force, or that a rate limit delays the workers, so workers may be quiet. */
  readonly occupied: boolean
  /** The connections over which workers fetch jobs. */
  readonly workers: readonly WorkerConnection[]
}

export interface WorkerConnection {
  /** `true` says that the worker waits for a job. */
  readonly blocked: boolean
  /** The seconds since the last read or write on the connection. */
  readonly idle: number
}

// The script reads keys of BullMQ 5 and 6. A worker renews the locks of all its jobs, so the lock of any recent job is enough.
const stateScript = `
local queue, time = ARGV[1], redis.call('TIME')
local waiting = redis.call('LLEN', queue .. ':wait') + redis.call('LLEN', queue .. ':paused') + redis.call('ZCARD', queue .. ':prioritized')
local nextJob = redis.call('LINDEX', queue .. ':wait', -1) or redis.call('LINDEX', queue .. ':paused', -1)
  or redis.call('ZRANGE', queue .. ':prioritized', 0, 0)[1]
local occupied = redis.call('EXISTS', queue .. ':limiter')
for _, job in ipairs(redis.call('LRANGE', queue .. ':active', 0, 99)) do
  occupied = occupied + redis.call('EXISTS', queue .. ':' .. job .. ':lock')
end
local job = nextJob and redis.call('HMGET', queue .. ':' .. nextJob, 'timestamp', 'opts') or { false, false }
return { redis.call('HEXISTS', queue .. ':meta', 'paused'), waiting, occupied, time[1] .. '.' .. time[2], job[1], job[2] }`

type QueueAnswer = [paused: number, waiting: number, occupied: number, time: string, timestamp: string | null, options: string | null]

/** Reads the states of queues in one round trip. Its cost grows with the number of clients of Redis, and not with the number of jobs. */
export async function lookAtQueues (client: Redis, prefix: string, queues: readonly string[]): Promise<Map<string, QueueState>> {
  // The commands are sent together. A pipeline of ioredis would cost more than all of them.
  const [connections, answers] = await Promise.all([
    connectionsOf(client, prefix),
    Promise.all(queues.map(queue => queueAnswer(client, `${prefix}:${queue}`))),
  ])
  return new Map(queues.map((queue, i) => {
    const [paused, waiting, occupied, time, timestamp, options] = answers[i] as QueueAnswer
    return [queue, {
      paused: paused === 1,
      waiting,
      oldestAge: timestamp === null ? undefined : ageOf(time, timestamp, options),
      occupied: occupied > 0,
      workers: workersOf(connections, `${prefix}:${Buffer.from(queue).toString('base64')}`),
    }]
  }))
}

// A Cluster needs a key of the queue to find the node.
async function queueAnswer (client: Redis, queue: string): Promise<QueueAnswer> {
  if (client.isCluster) return await client.eval(stateScript, 1, `${queue}:meta`, queue) as QueueAnswer
  return await client.eval(stateScript, 0, queue) as QueueAnswer
}

async function connectionsOf (client: Redis, prefix: string): Promise<Array<Map<string, string>>> {
  const nodes = client.isCluster ? (client as unknown as Cluster).nodes('master') : [client]
  return (await Promise.all(nodes.map(async node => {
    const [own, clients] = await Promise.all([
      node.client('INFO') as Promise<string>,
      node.client('LIST', 'TYPE', 'NORMAL') as Promise<string>,
    ])
    const database = fieldsOf(own).get('db')
    // Redis may have thousands of other clients, so the lines are filtered before they are parsed.
    return clients.split('\n').filter(line => line.includes(` name=${prefix}:`)).map(fieldsOf)
      // The list holds the clients of all databases, but the queue is in one.
      .filter(fields => fields.get('db') === database)
  }))).flat()
}

// The delay of a job does not count as waiting.
function ageOf (time: string, timestamp: string, options: string | null): number {
  const [seconds = 0, microseconds = 0] = time.split('.').map(Number)
  const { delay = 0 } = JSON.parse(options ?? '{}') as { delay?: number }
  return seconds * 1000 + microseconds / 1000 - Number(timestamp) - delay
}

// BullMQ names the connection of a worker after its queue, and after the worker if that has a name.
function workersOf (connections: ReadonlyArray<Map<string, string>>, name: string): WorkerConnection[] {
  return connections
    .filter(fields => fields.get('name') === name || fields.get('name')?.startsWith(`${name}:w:`))
    .map(fields => ({ blocked: fields.get('flags')?.includes('b') === true, idle: Number(fields.get('idle')) }))
}

function fieldsOf (line: string): Map<string, string> {
  return new Map(line.split(' ').map(field => {
    const at = field.indexOf('=')
    return [field.slice(0, at), field.slice(at + 1)]
  }))
}
