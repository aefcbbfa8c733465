/**
 * Which workers of a cluster are there, kept in Redis. Per cluster, and again per host:
 *
 * | key | type | holds |
 * |---|---|---|
 * | `fastify-health:{<cluster>}:workers` | sorted set | each status that a worker has, by the moment its last entry expires |
 * | `fastify-health:{<cluster>}:workers:<status>` | sorted set | each worker of that status, by the moment its entry expires |
 * | `fastify-health:{<cluster>}:workers@<host>`, `…@<host>:<status>` | | the same, of one host |
 *
 * Moments are milliseconds of Redis's own clock, so those of the hosts may differ. Counting is one round trip that costs
 * O(statuses · log workers), and no other key is ever looked at. Entries that expired are trimmed by the next beat, and the keys
 * themselves expire with the last entry. All keys of a cluster share the hash tag `{<cluster>}`, hence one slot of a Redis
 * Cluster. Needs Redis 5 or later, and the right to run EVAL.
 */

/** As much of an ioredis client as the roster needs. */
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

export interface Entry {
  readonly cluster: string
  readonly host: string
  /** Unique among the workers of the cluster. */
  readonly worker: string
}

/** Enters a worker under `status` for `ttl` milliseconds, and takes it from under the `former` ones. */
export async function enter (client: RosterClient, entry: Entry, status: string, ttl: number, former: readonly string[]): Promise<void> {
  await client.eval(enterScript, 2, ...indexes(entry), entry.worker, ttl, status, ...former)
}

/** Takes a worker from under each of `statuses`. */
export async function leave (client: RosterClient, entry: Entry, statuses: readonly string[]): Promise<void> {
  await client.eval(leaveScript, 2, ...indexes(entry), entry.worker, ...statuses)
}

/** How many workers there are now by status: of the cluster, or of one host of it. */
export async function count (client: RosterClient, cluster: string, host?: string): Promise<Map<string, number>> {
  return new Map(await client.eval(countScript, 1, indexOf(cluster, host)) as Array<[status: string, count: number]>)
}

function indexes ({ cluster, host }: Entry): string[] {
  return [indexOf(cluster), indexOf(cluster, host)]
}

function indexOf (cluster: string, host?: string): string {
  const index = `fastify-health:{${cluster}}:workers`
  // Encoded, so that no host and status together read like another host and status.
  return host === undefined ? index : `${index}@${encodeURIComponent(host)}`
}
