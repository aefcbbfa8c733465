/** An instance that is gone is listed for this many `ttl`. Everything that it wrote expires within ten. */
export const lifetimes = 9

const now = `
local time = redis.call('TIME')
local micro = time[1] * 1000000 + time[2]
local now = math.floor(micro / 1000)
`

const expire = `
local function expire (key, ms)
  if redis.call('PTTL', key) < tonumber(ms) then redis.call('PEXPIRE', key, ms) end
end
`

/**
 * Enters an instance, or reports that it is still there.
 * Keys: instances, draining, subsets, instance, name, version, and for each subset healthy and failing.
 * Arguments: id, ttl, time to keep an instance that is gone, `1` while draining, the record, the moment of its first report (empty the
 * first time), and for each subset its name and `1` if it is healthy.
 * Returns now, the moment of the first report, the other instances of that name that reported since then, those that did not, and the
 * version of the mutes.
 */
const beat = `${now}${expire}
local id, ttl, kept = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local began = math.min(micro, tonumber(ARGV[6]) or micro)
local function enter (key, isIn, oldest)
  if isIn then
    redis.call('ZADD', key, now + ttl, id)
    expire(key, kept)
  else
    redis.call('ZREM', key, id)
  end
  redis.call('ZREMRANGEBYSCORE', key, '-inf', oldest)
end
-- If the memory is full, Redis refuses this first write, so the script does everything or nothing.
enter(KEYS[1], true, now + ttl - kept)
enter(KEYS[2], ARGV[4] == '1', now)
for i = 7, #ARGV, 2 do
  redis.call('ZADD', KEYS[3], now + ttl, ARGV[i])
  enter(KEYS[i], ARGV[i + 1] == '1', now)
  enter(KEYS[i + 1], ARGV[i + 1] ~= '1', now)
end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
expire(KEYS[3], kept)
redis.call('SET', KEYS[4], string.format('%.0f %s', now, ARGV[5]), 'PX', kept)
local twins, former = {}, {}
for _, other in ipairs(redis.call('ZRANGE', KEYS[5], 0, -1)) do
  if other ~= id then
    local seen = tonumber(redis.call('ZSCORE', KEYS[5], other))
    if seen > began then twins[#twins + 1] = other else former[#former + 1] = other end
  end
end
redis.call('ZADD', KEYS[5], string.format('%.0f', micro), id)
redis.call('PEXPIRE', KEYS[5], kept)
return { now, string.format('%.0f', began), twins, former, redis.call('GET', KEYS[6]) or '' }`

/** Removes an instance. Keys: instances, draining, instance, name, and for each subset healthy and failing. Arguments: id. */
const removeInstance = `
redis.call('DEL', KEYS[3])
for i = 1, #KEYS do
  if i ~= 3 then redis.call('ZREM', KEYS[i], ARGV[1]) end
end`

/** Gives back the turns of an instance that leaves. Keys: questions. Arguments: id. */
const yieldTurns = `
for _, key in ipairs(KEYS) do
  if redis.call('HGET', key, 'holder') == ARGV[1] then redis.call('HSET', key, 'holder', '') end
end`

/**
 * Takes the turn to run a check, or returns the last outcome. The holder of the turn may come early by a twentieth of the interval, since
 * its timer and the clock of Redis differ.
 * Keys: question. Arguments: id, interval, the time that a turn is kept for a holder without a sign of life, the time that the key is
 * kept.
 * Returns `1` and the turn if it is the instance's turn, else `0` and the turn of the last outcome. Then follow the milliseconds since the
 * last sign of life of the holder, the milliseconds since the turn of the last outcome began (-1 if there is none), and the outcome.
 */
const take = `${now}
local id, interval, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local turn, holder, alive, found, foundIn = unpack(redis.call('HMGET', KEYS[1], 'turn', 'holder', 'alive', 'found', 'foundIn'))
turn, alive, foundIn = tonumber(turn), tonumber(alive), tonumber(foundIn)
local isBack = turn and (turn > micro or (alive or 0) > micro)
local isDue = not turn or not alive or isBack or micro - alive >= lease * 1000
if not isDue and (holder == id or holder == '') then isDue = micro - turn >= interval * 950 end
if isDue then
  if isBack then redis.call('DEL', KEYS[1]) end
  local text = string.format('%.0f', micro)
  redis.call('HSET', KEYS[1], 'turn', text, 'alive', text, 'holder', id)
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return { 1, text, 0, -1, '' }
end
local since = math.floor((micro - alive) / 1000)
if not found or not foundIn then return { 0, '', since, -1, '' } end
return { 0, string.format('%.0f', foundIn), since, math.floor((micro - foundIn) / 1000), found }`

/** Keeps a turn for its holder. Keys: question. Arguments: turn, the time that the key is kept. */
const renew = `${now}
if redis.call('HGET', KEYS[1], 'turn') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'alive', string.format('%.0f', micro))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`

/**
 * Writes the outcome of a turn, unless a later turn has begun.
 * Keys: question. Arguments: turn, outcome, the time that the key is kept, `1` if it failed. After a failure any instance may take the
 * next turn, since perhaps only the holder cannot reach the dependency.
 * Returns `1` if the outcome was written, else `0` and the last outcome: its turn, the milliseconds since that began (-1 if there is
 * none), and the outcome.
 */
const tell = `${now}
if redis.call('HGET', KEYS[1], 'turn') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'found', ARGV[2], 'foundIn', ARGV[1])
  if ARGV[4] == '1' then redis.call('HSET', KEYS[1], 'holder', '') end
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return { 1 }
end
local found, foundIn = unpack(redis.call('HMGET', KEYS[1], 'found', 'foundIn'))
if not found or not tonumber(foundIn) then return { 0, '', -1, '' } end
return { 0, foundIn, math.floor((micro - foundIn) / 1000), found }`

/**
 * Counts the instances, and lists at most `limit` of them: first those that fail, then those that are gone, those that drain, and all
 * others.
 * Keys: instances, draining, subsets. Arguments: limit, the prefix of the keys `healthy:<subset>`, the prefix of the keys
 * `failing:<subset>`.
 * Returns now, the numbers of instances that are there, drain and are gone, for each subset its name and the numbers of instances that
 * found it healthy and failing, and the ids.
 */
const summarize = `${now}
local limit = tonumber(ARGV[1])
local there = '(' .. now
local subsets, ids, known = {}, {}, {}
local function add (found)
  for _, id in ipairs(found) do
    if #ids >= limit then return end
    if not known[id] then
      known[id] = true
      ids[#ids + 1] = id
    end
  end
end
for _, subset in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], there, '+inf')) do
  local failing = ARGV[3] .. subset
  subsets[#subsets + 1] = { subset, redis.call('ZCOUNT', ARGV[2] .. subset, there, '+inf'), redis.call('ZCOUNT', failing, there, '+inf') }
  if #ids < limit then add(redis.call('ZRANGEBYSCORE', failing, there, '+inf', 'LIMIT', 0, limit)) end
end
add(redis.call('ZREVRANGEBYSCORE', KEYS[1], now, '-inf', 'LIMIT', 0, limit))
add(redis.call('ZRANGEBYSCORE', KEYS[2], there, '+inf', 'LIMIT', 0, limit))
if #ids < limit then add(redis.call('ZRANGEBYSCORE', KEYS[1], there, '+inf', 'LIMIT', 0, limit)) end
return {
  now,
  redis.call('ZCOUNT', KEYS[1], there, '+inf'),
  redis.call('ZCOUNT', KEYS[2], there, '+inf'),
  redis.call('ZCOUNT', KEYS[1], '-inf', now),
  subsets,
  ids,
}`

/** Reads the mutes. Keys: mutes, version. Returns now, the version, and the names and values of the mutes. */
const readMutes = `${now}
return { now, redis.call('GET', KEYS[2]) or '', redis.call('HGETALL', KEYS[1]) }`

const trimMutes = `${now}
local last = now
local function trim ()
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local ends = tonumber(string.match(all[i + 1], '^%d+ (%d+) '))
    if not ends or ends <= now then redis.call('HDEL', KEYS[1], all[i]) elseif ends > last then last = ends end
  end
  if last > now then
    redis.call('PEXPIREAT', KEYS[1], last)
    redis.call('SET', KEYS[2], string.format('%.0f', micro), 'PX', last - now)
  else
    redis.call('DEL', KEYS[2])
  end
end
`

/** Mutes a check. Keys: mutes, version. Arguments: name, milliseconds, words. Returns now, and the moment when the mute ends. */
const muteCheck = `${trimMutes}
local ends = now + tonumber(ARGV[2])
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %.0f %s', now, ends, ARGV[3]))
trim()
return { now, ends }`

/** Ends a mute. Keys: mutes, version. Arguments: name. Returns whether the check was muted. */
const unmuteCheck = `${trimMutes}
local was = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
trim()
local ends = was and tonumber(string.match(was, '^%d+ (%d+) '))
return ends and ends > now and 1 or 0`

/** The Lua scripts of a fleet. Each name is a command of the client. */
export const scripts = {
  fleetBeat: { lua: beat },
  fleetLeave: { lua: removeInstance },
  fleetYield: { lua: yieldTurns },
  fleetTake: { lua: take },
  fleetRenew: { lua: renew },
  fleetTell: { lua: tell },
  fleetSummary: { lua: summarize },
  fleetMutes: { lua: readMutes },
  fleetMute: { lua: muteCheck },
  fleetUnmute: { lua: unmuteCheck },
} as const

export type Script = keyof typeof scripts
