/**
 * The roster keeps the workers of a cluster in Redis, once for the cluster and once for each host:
 *
 * | key | type | holds |
 * |---|---|---|
 * | `fastify-health:{<cluster>}:workers` | sorted set | each status of a worker, by the moment when its last entry expires |
 * | `fastify-health:{<cluster>}:workers:<status>` | sorted set | each worker with that status, by the moment when its entry expires |
 * | `fastify-health:{<cluster>}:workers@<host>`, `…@<host>:<status>` | | the same for one host |
 *
 * Moments are milliseconds of the clock of Redis, so the clocks of the hosts may differ. Counting is one round trip of
 * O(statuses · log workers), which reads no other key. The next beat removes entries that expired, and the keys expire with the last
 * entry. All keys of a cluster share the hash tag `{<cluster>}`, so they are in one slot of a Redis Cluster. The client needs Redis 5 or
 * later, and the right to run EVAL.
 */

/** The part of an ioredis client that the roster needs. */
export interface RosterClient {
  eval (script: string, numberOfKeys: number, ...args: Array<string | number>): Promise<unknown>
}

const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

const enterScript = `${clock}
local worker, ttl, status = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local expiry = now + ttl
for _, index in ipairs(KEYS) do
  local entries = index .. ':' .. status
  redis.call('ZADD', entries, expiry, worker)
  redis.call('ZADD', index, math.max(expiry, tonumber(redis.call('ZSCORE', index, status) or 0)), status)
  for _, key in ipairs({ index, entries }) do
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, ttl) end
  end
  for i = 4, #ARGV do redis.call('ZREM', index .. ':' .. ARGV[i], worker) end
end`

const leaveScript = `
for _, index in ipairs(KEYS) do
  for i = 2, #ARGV do redis.call('ZREM', index .. ':' .. ARGV[i], ARGV[1]) end
end`

const countScript = `${clock}
local counts = {}
for _, status in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')) do
  local count = redis.call('ZCOUNT', KEYS[1] .. ':' .. status, '(' .. now, '+inf')
  if count > 0 then counts[#counts + 1] = { status, count } end
end
return counts`

export interface WorkerEntry {
  readonly cluster: string
  readonly host: string
  /** The id of the worker, unique in the cluster. */
  readonly worker: string
}

/** Enters a worker under `status` for `ttl` milliseconds, and removes it from the `former` statuses. */
export async function enter (
  client: RosterClient,
  entry: WorkerEntry,
  status: string,
  ttl: number,
  former: readonly string[]
): Promise<void> {
  await client.eval(enterScript, 2, ...indexes(entry), entry.worker, ttl, status, ...former)
}

/** Removes a worker from each of `statuses`. */
export async function removeWorker (client: RosterClient, entry: WorkerEntry, statuses: readonly string[]): Promise<void> {
  await client.eval(leaveScript, 2, ...indexes(entry), entry.worker, ...statuses)
}

/** Returns the number of workers for each status, in the cluster or on one of its hosts. */
export async function countWorkers (client: RosterClient, cluster: string, host?: string): Promise<Map<string, number>> {
  return new Map(await client.eval(countScript, 1, indexOf(cluster, host)) as Array<[status: string, count: number]>)
}

function indexes ({ cluster, host }: WorkerEntry): string[] {
  return [indexOf(cluster), indexOf(cluster, host)]
}

function indexOf (cluster: string, host?: string): string {
  const index = `fastify-health:{${cluster}}:workers`
  // The host is encoded, so that the keys of two pairs of host and status always differ.
  return host === undefined ? index : `${index}@${encodeURIComponent(host)}`
}
