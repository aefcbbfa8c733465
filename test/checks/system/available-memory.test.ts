import { access, mkdir, mkdtemp, readFile, rm, rmdir, symlink, writeFile } from 'node:fs/promises'
import { freemem, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { availableMemory } from '../../../lib/checks/system/available-memory.js'

const MiB = 1024 ** 2

interface Scope { teardown (close: () => unknown): void }

// A root folder with the given files in it.
async function root (t: Scope, files: Record<string, string> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'memory-'))
  t.teardown(() => rm(folder, { recursive: true }))
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder, dirname(path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  return folder
}

const host = { 'proc/meminfo': `MemTotal:       16384000 kB\nMemFree:          204800 kB\nMemAvailable:   ${8192 * 1024} kB\nBuffers:          1024 kB\n` }
const inV2 = (path: string) => ({ 'proc/self/cgroup': `0::${path}\n` })
const inV1 = (path: string) => ({ 'proc/self/cgroup': `12:pids:${path}\n11:cpu,cpuacct:/\n4:memory:${path}\n1:name=systemd:${path}\n0::/\n` })

function v2 (path: string, limit: string, current: number, inactive: number): Record<string, string> {
  const folder = join('sys/fs/cgroup', path)
  return {
    [join(folder, 'memory.max')]: `${limit}\n`,
    [join(folder, 'memory.current')]: `${current}\n`,
    [join(folder, 'memory.stat')]: `anon 1024\nfile 4096\nactive_file 512\ninactive_file ${inactive}\nslab 0\n`,
  }
}

function v1 (path: string, limit: number, usage: number, inactive: number): Record<string, string> {
  const folder = join('sys/fs/cgroup/memory', path)
  return {
    [join(folder, 'memory.limit_in_bytes')]: `${limit}\n`,
    [join(folder, 'memory.usage_in_bytes')]: `${usage}\n`,
    [join(folder, 'memory.stat')]: `cache 1\ninactive_file 7\ntotal_cache 1\ntotal_inactive_file ${inactive}\n`,
  }
}

// What the kernel says where a cgroup of version 1 has no limit.
const unlimited = 9223372036854771712

test('without a cgroup, the host has what MemAvailable says', async t => {
  t.equal(availableMemory(await root(t, host)), 8192 * MiB)
})

test('on a system without /proc it is what the system calls free', async t => {
  const available = availableMemory(await root(t))
  t.ok(Math.abs(available - freemem()) < 512 * MiB, `${available} and ${freemem()}`)
})

test('a limit of a cgroup v2 leaves what its working set does not hold', async t => {
  const files = { ...host, ...inV2('/'), ...v2('/', String(512 * MiB), 400 * MiB, 100 * MiB) }
  t.equal(availableMemory(await root(t, files)), 212 * MiB)
})

test('a limit of a cgroup v1 leaves what its working set, with that of its children, does not hold', async t => {
  const files = { ...host, ...inV1('/app'), ...v1('/app', 512 * MiB, 400 * MiB, 100 * MiB), ...v1('/', unlimited, 4000 * MiB, 0) }
  t.equal(availableMemory(await root(t, files)), 212 * MiB)
})

test('of nested cgroups, the one with the least room decides', async t => {
  const outer = v2('/pod', String(300 * MiB), 290 * MiB, 0)
  const inner = v2('/pod/app', String(1024 * MiB), 200 * MiB, 0)
  t.equal(availableMemory(await root(t, { ...host, ...inV2('/pod/app'), ...outer, ...inner })), 10 * MiB)
  const tight = v2('/pod/app', String(201 * MiB), 200 * MiB, 0)
  t.equal(availableMemory(await root(t, { ...host, ...inV2('/pod/app'), ...outer, ...tight })), 1 * MiB)
})

test('a cgroup without a limit leaves what the host has', async t => {
  t.equal(availableMemory(await root(t, { ...host, ...inV2('/app'), ...v2('/app', 'max', 400 * MiB, 0) })), 8192 * MiB)
  t.equal(availableMemory(await root(t, { ...host, ...inV1('/app'), ...v1('/app', unlimited, 400 * MiB, 0) })), 8192 * MiB)
})

test('a generous limit on a host that is short of memory leaves what the host has', async t => {
  const files = { ...host, ...inV2('/'), ...v2('/', String(64 * 1024 * MiB), 0, 0) }
  t.equal(availableMemory(await root(t, files)), 8192 * MiB)
})

test("a container that sees the host's path finds its limit at the root of its mount", async t => {
  const files = { ...host, ...inV1('/docker/4a3f'), ...v1('/', 128 * MiB, 28 * MiB, 0) }
  t.equal(availableMemory(await root(t, files)), 100 * MiB)
})

test('use beyond the limit leaves nothing, and a cache larger than the use is no use', async t => {
  t.equal(availableMemory(await root(t, { ...host, ...inV2('/'), ...v2('/', String(100 * MiB), 101 * MiB, 0) })), 0)
  t.equal(availableMemory(await root(t, { ...host, ...inV2('/'), ...v2('/', String(100 * MiB), 10 * MiB, 20 * MiB) })), 100 * MiB)
})

test('a process in cgroups of which none counts memory has what the host has', async t => {
  t.equal(availableMemory(await root(t, { ...host, 'proc/self/cgroup': '3:cpu,cpuacct:/app\nnot a line of this file\n' })), 8192 * MiB)
})

test('figures that cannot be read are an error, and not enough memory', async t => {
  const broken = { ...host, ...inV2('/'), ...v2('/', 'plenty', 0, 0) }
  const [plenty, none] = [await root(t, broken), await root(t, { 'proc/meminfo': 'MemTotal: 1 kB\n' })]
  t.throws(() => availableMemory(plenty), /'plenty' is no number/)
  t.throws(() => availableMemory(none), /'undefined' is no number/)
})

test('files that may not be read are an error', async t => {
  const folder = await root(t, host)
  await mkdir(join(folder, 'proc/self/cgroup'), { recursive: true })
  t.throws(() => availableMemory(folder), { code: 'EISDIR' })
})

test('the figures of this system can be read', { skip: process.platform !== 'linux' && 'needs /proc' }, async t => {
  const total = 1024 * Number(/MemTotal:\s+(\d+)/.exec(await readFile('/proc/meminfo', 'utf8'))?.[1])
  const available = availableMemory()
  t.ok(available > 0 && available < total, `${available} of ${total}`)
})

test('the limits of real cgroups are found', async t => {
  const real = await realCgroups(t)
  if (real === undefined) {
    t.comment('not tested: no cgroup with a memory controller can be made here')
    return
  }
  const { outer, inner, limitFile, membership } = real
  const folder = await root(t, { ...host, ...membership })
  await mkdir(join(folder, 'sys/fs'), { recursive: true })
  await symlink('/sys/fs/cgroup', join(folder, 'sys/fs/cgroup'))
  t.equal(availableMemory(folder), 8192 * MiB, 'no limit yet')
  await writeFile(join(outer, limitFile), String(64 * MiB))
  t.ok(isJustBelow(64 * MiB, availableMemory(folder)), 'the outer limit')
  await writeFile(join(inner, limitFile), String(32 * MiB))
  t.ok(isJustBelow(32 * MiB, availableMemory(folder)), 'the inner limit')
})

// The kernel itself needs a little for an empty cgroup.
function isJustBelow (limit: number, available: number): boolean {
  return available <= limit && available > limit - 4 * MiB
}

// Two empty cgroups, one in the other: no process has to be moved for their files to be those of the kernel.
async function realCgroups (t: Scope) {
  const path = `/fastify-health-test-${process.pid}`
  for (const { mount, limitFile, membership } of [
    { mount: '/sys/fs/cgroup/memory', limitFile: 'memory.limit_in_bytes', membership: inV1(`${path}/inner`) },
    { mount: '/sys/fs/cgroup', limitFile: 'memory.max', membership: inV2(`${path}/inner`) },
  ]) {
    const outer = join(mount, path)
    const inner = join(outer, 'inner')
    try {
      await access(join(mount, 'cgroup.procs'))
      await mkdir(outer)
      t.teardown(async () => await rmdir(outer))
      await access(join(outer, limitFile))
      if (limitFile === 'memory.max') await writeFile(join(outer, 'cgroup.subtree_control'), '+memory')
    } catch {
      continue
    }
    await mkdir(inner)
    t.teardown(async () => await rmdir(inner))
    return { outer, inner, limitFile, membership }
  }
}
