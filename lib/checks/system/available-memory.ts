import { readFileSync } from 'node:fs'
import { freemem } from 'node:os'
import { join } from 'node:path'

// The names of the files of a cgroup, for each version.
const v1 = { limit: 'memory.limit_in_bytes', usage: 'memory.usage_in_bytes', inactive: 'total_inactive_file' }
const v2 = { limit: 'memory.max', usage: 'memory.current', inactive: 'inactive_file' }

/**
 * Returns the bytes that this process can still allocate. This is the memory that the host has available (`MemAvailable`), or that a
 * cgroup of the process leaves, whichever is less. The use of a cgroup is counted like the working set of the kubelet, without the page
 * cache that is reclaimed first. `process.availableMemory()` counts that cache as used.
 *
 * @param root the folder that contains `/proc` and `/sys`
 * @see https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export function availableMemory (root = '/'): number {
  const meminfo = readIfThere(join(root, 'proc/meminfo'))
  if (meminfo === undefined) return freemem()
  const [available, total] = [1024 * figureOf(meminfo, 'MemAvailable:'), 1024 * figureOf(meminfo, 'MemTotal:')]
  return Math.min(available, ...cgroupRooms(root, total))
}

function cgroupRooms (root: string, total: number): number[] {
  const membership = readIfThere(join(root, 'proc/self/cgroup'))
  if (membership === undefined) return []
  const own = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(membership)?.[1]
  if (own !== undefined) return roomsUpFrom(join(root, 'sys/fs/cgroup/memory'), own, v1, total)
  const unified = /^0::(.*)$/m.exec(membership)?.[1]
  return unified === undefined ? [] : roomsUpFrom(join(root, 'sys/fs/cgroup'), unified, v2, total)
}

// A container may see the path of its cgroup on the host, although only its own part of the tree is mounted. Missing folders are ignored,
// and the mount itself is looked at, too.
function roomsUpFrom (mount: string, path: string, version: typeof v1, total: number): number[] {
  const names = path.split('/').filter(name => name !== '')
  const folders = [mount, ...names.map((_name, depth) => join(mount, ...names.slice(0, depth + 1)))]
  return folders.map(folder => roomOfGroup(folder, version, total)).filter(bytes => bytes !== undefined)
}

function roomOfGroup (folder: string, version: typeof v1, total: number): number | undefined {
  const limit = readIfThere(join(folder, version.limit))?.trim()
  // Version 1 gives a very large number if there is no limit. A limit above the memory of the host is ignored.
  if (limit === undefined || limit === 'max' || bytes(limit) > total) return undefined
  const usage = readFileSync(join(folder, version.usage), 'utf8')
  const stat = readFileSync(join(folder, 'memory.stat'), 'utf8')
  const workingSet = Math.max(0, bytes(usage.trim()) - figureOf(stat, version.inactive))
  return Math.max(0, bytes(limit) - workingSet)
}

// The read is synchronous. The kernel makes these files when they are read, which takes microseconds, less than a thread would take.
function readIfThere (file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function figureOf (text: string, name: string): number {
  return bytes(new RegExp(`^${name} +(.*?)(?: kB)?$`, 'm').exec(text)?.[1])
}

function bytes (text: string | undefined): number {
  if (text === undefined || !/^\d+$/.test(text)) throw new Error(`The system's memory figures cannot be read: '${text}' is no number.`)
  return Number(text)
}
