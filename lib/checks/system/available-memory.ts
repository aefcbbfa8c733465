import { readFileSync } from 'node:fs'
import { freemem } from 'node:os'
import { join } from 'node:path'

// What a cgroup's files are called, by version.
const v1 = { limit: 'memory.limit_in_bytes', usage: 'memory.usage_in_bytes', inactive: 'total_inactive_file' }
const v2 = { limit: 'memory.max', usage: 'memory.current', inactive: 'inactive_file' }

/**
 * Bytes this process can still allocate: what the host has available (`MemAvailable`), or what a cgroup that holds the process
 * leaves, whichever is less. A cgroup's use is counted as the kubelet's working set: without the page cache that is reclaimed
 * first. `process.availableMemory()` counts that cache as used.
 *
 * @param root Where `/proc` and `/sys` are found.
 * @see https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export function availableMemory (root = '/'): number {
  return Math.min(hostMemory(root), ...cgroupRooms(root))
}

function hostMemory (root: string): number {
  const meminfo = readIfThere(join(root, 'proc/meminfo'))
  return meminfo === undefined ? freemem() : 1024 * field(meminfo, 'MemAvailable:')
}

function cgroupRooms (root: string): number[] {
  const membership = readIfThere(join(root, 'proc/self/cgroup'))
  if (membership === undefined) return []
  const own = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(membership)?.[1]
  if (own !== undefined) return roomsUpFrom(join(root, 'sys/fs/cgroup/memory'), own, v1)
  const unified = /^0::(.*)$/m.exec(membership)?.[1]
  return unified === undefined ? [] : roomsUpFrom(join(root, 'sys/fs/cgroup'), unified, v2)
}

// A container may see the host's path of its cgroup while only its own part of the tree is mounted: folders that are not there
// are passed over, and the mount itself is the last one looked at.
function roomsUpFrom (mount: string, path: string, version: typeof v1): number[] {
  const names = path.split('/').filter(name => name !== '')
  const folders = [mount, ...names.map((_name, depth) => join(mount, ...names.slice(0, depth + 1)))]
  return folders.map(folder => room(folder, version)).filter(bytes => bytes !== undefined)
}

function room (folder: string, version: typeof v1): number | undefined {
  const limit = readIfThere(join(folder, version.limit))?.trim()
  if (limit === undefined || limit === 'max') return undefined
  const usage = readFileSync(join(folder, version.usage), 'utf8')
  const stat = readFileSync(join(folder, 'memory.stat'), 'utf8')
  const workingSet = Math.max(0, bytes(usage.trim()) - field(stat, version.inactive))
  return Math.max(0, bytes(limit) - workingSet)
}

// The kernel makes these files when they are read: that takes microseconds and no disk, and less than a thread would.
function readIfThere (file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function field (text: string, name: string): number {
  const line = text.split('\n').find(line => line.startsWith(`${name} `))
  return bytes(line?.slice(name.length).trim().replace(/ kB$/, ''))
}

function bytes (text: string | undefined): number {
  if (text === undefined || !/^\d+$/.test(text)) throw new Error(`The system's memory figures cannot be read: '${text}' is no number.`)
  return Number(text)
}
