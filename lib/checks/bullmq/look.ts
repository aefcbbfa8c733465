import type { Cluster, Redis } from 'ioredis'

/** What Redis tells about one queue. */
export interface QueueState {
  readonly paused: boolean
  /** Jobs that wait for a worker, delayed ones not counted. */
  readonly waiting: number
  /** Milliseconds that the job next in line has waited, by Redis's clock; `undefined` where none waits. */
  readonly oldestAge: number | undefined
  /** A job's lock is in force, or workers are held back by a rate limit: they may be quiet for a good reason. */
  readonly occupied: boolean
  /** The connections on which workers fetch. */
  readonly workers: readonly WorkerConnection[]
}

export interface WorkerConnection {
  /** It waits for a job. */
  readonly blocked: boolean
  /** Seconds since anything was read from or written to it. */
  readonly idle: number
}

// The keys of BullMQ 5 and 6. A worker renews the locks of all its jobs, so any of the latest ones tells.
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

type Answer = [paused: number, waiting: number, occupied: number, time: string, timestamp: string | null, options: string | null]

/** One round trip, whose cost grows with the number of Redis's clients, not with that of the jobs. */
export async function look (client: Redis, prefix: string, queues: readonly string[]): Promise<Map<string, QueueState>> {
  // The commands are sent together, and answered together. A pipeline of ioredis costs more to make than all of them.
  const [connections, answers] = await Promise.all([
    connectionsOf(client, prefix),
    Promise.all(queues.map(async queue => await stateOf(client, `${prefix}:${queue}`))),
  ])
  return new Map(queues.map((queue, i) => {
    const [paused, waiting, occupied, time, timestamp, options] = answers[i] as Answer
    return [queue, {
      paused: paused === 1,
      waiting,
      oldestAge: timestamp === null ? undefined : ageOf(time, timestamp, options),
      occupied: occupied > 0,
      workers: workersOf(connections, `${prefix}:${Buffer.from(queue).toString('base64')}`),
    }]
  }))
}

// A Cluster finds the node by a key of the queue, and tells no node by itself who is connected to it.
async function stateOf (client: Redis, queue: string): Promise<Answer> {
  if (client.isCluster) return await client.eval(stateScript, 1, `${queue}:meta`, queue) as Answer
  return await client.eval(stateScript, 0, queue) as Answer
}

async function connectionsOf (client: Redis, prefix: string): Promise<Array<Map<string, string>>> {
  const nodes = client.isCluster ? (client as unknown as Cluster).nodes('master') : [client]
  return (await Promise.all(nodes.map(async node => {
    const [own, clients] = await Promise.all([node.client('INFO') as Promise<string>, node.client('LIST', 'TYPE', 'NORMAL') as Promise<string>])
    const database = fieldsOf(own).get('db')
    // There may be thousands of others.
    return clients.split('\n').filter(line => line.includes(` name=${prefix}:`)).map(fieldsOf)
      // The list is of the server, and the queue of one database.
      .filter(fields => fields.get('db') === database)
  }))).flat()
}

// A delayed job has waited only since it was due.
function ageOf (time: string, timestamp: string, options: string | null): number {
  const [seconds = 0, microseconds = 0] = time.split('.').map(Number)
  const { delay = 0 } = JSON.parse(options ?? '{}') as { delay?: number }
  return seconds * 1000 + microseconds / 1000 - Number(timestamp) - delay
}

// BullMQ names the connection on which a worker fetches after its queue, and after the worker where that has a name.
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
