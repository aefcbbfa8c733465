import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import { Disk, DriveManager } from 'flydrive'
import { FSDriver } from 'flydrive/drivers/fs'
import { S3Driver } from 'flydrive/drivers/s3'
import { test, type Test } from 'tap'
import { createHealth } from '../../lib/index.js'
import StorageCheck, { type DiskLike, type StorageOptions } from '../../lib/checks/storage.js'
import { until } from '../helpers/leaks.js'
import { startS3, type S3 } from '../helpers/s3.js'

const { log } = Fastify()

function healthOf (t: Test, options: StorageOptions & { timeout?: number }, { app = Fastify(), baseDir = '/' }: { app?: FastifyInstance, baseDir?: string } = {}) {
  const health = createHealth({ baseDir, subsets: { integrations: [[StorageCheck, { ...options }]] } }, { app, log })
  t.teardown(async () => await health.close())
  return {
    async status () { return (await health.run('integrations')).results[0]!.status },
    async faults () { return (await health.systemChecks()).map(({ id, message, hint }) => `${id} ${message} ${hint}`) },
  }
}

async function folder (t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'fastify-health-storage-'))
  t.teardown(async () => await rm(dir, { recursive: true }))
  return dir
}

const fsDisk = (location: string) => new Disk(new FSDriver({ location, visibility: 'private' }))

/** A disk over a folder, some of whose methods are others. */
function faulty (location: string, faults: Partial<DiskLike>): DiskLike {
  const disk = fsDisk(location)
  return {
    put: async (file, contents) => await disk.put(file, contents),
    get: async file => await disk.get(file),
    delete: async file => await disk.delete(file),
    exists: async file => await disk.exists(file),
    ...faults,
  }
}

/** A file system of 64 KiB, where this process may mount one. */
function tinyFileSystem (t: Test): { dir: string, remount: (options: string) => void } | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'fastify-health-storage-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir], { stdio: 'ignore' })
  } catch {
    t.comment('mounting is not permitted here: a stub stands in for the file system')
    return undefined
  }
  t.teardown(() => execFileSync('umount', [dir]))
  return { dir, remount: options => { execFileSync('mount', ['-o', `remount,${options}`, dir]) } }
}

const systemError = (code: string) => Object.assign(new Error(`${code}: open '/secret/path'`), { code })

test('a local folder', async t => {
  await t.test('is asked with a file that is gone afterwards', async t => {
    const dir = await folder(t)
    await writeFile(join(dir, 'precious.txt'), 'kept')
    t.equal(await healthOf(t, { dir }).status(), 'working')
    t.equal(await healthOf(t, { dir: basename(dir) }, { baseDir: dirname(dir) }).status(), 'working', 'a relative one is below baseDir')
    t.same(await readdir(dir), ['precious.txt'])
  })

  await t.test('may be asked by many at once', async t => {
    const dir = await folder(t)
    const statuses = await Promise.all(Array.from({ length: 50 }, async () => await healthOf(t, { dir }).status()))
    t.same(statuses, Array.from({ length: 50 }, () => 'working'))
    t.same(await readdir(dir), [])
  })

  await t.test('that does not exist, or is no folder, is told so', async t => {
    const dir = await folder(t)
    await writeFile(join(dir, 'file'), '')
    t.equal(await healthOf(t, { dir: join(dir, 'ghost') }).status(), 'unavailable: a file cannot be written: no such file or folder')
    t.equal(await healthOf(t, { dir: join(dir, 'file') }).status(), 'unavailable: a file cannot be written: not a folder')
    t.same(await readdir(dir), ['file'])
  })

  await t.test('on a full disk is told so, keeps nothing, and recovers', async t => {
    const tiny = tinyFileSystem(t)
    if (tiny === undefined) {
      const disk = faulty(await folder(t), { put: async () => { throw systemError('ENOSPC') } })
      t.equal(await healthOf(t, { disk }).status(), 'unavailable: a file cannot be written: no space left')
      return
    }
    const { dir } = tiny
    const health = healthOf(t, { dir })
    t.equal(await health.status(), 'working')
    await t.rejects(writeFile(join(dir, 'filler'), Buffer.alloc(128 * 1024)), { code: 'ENOSPC' })
    t.equal(await health.status(), 'unavailable: a file cannot be written: no space left')
    t.same(await readdir(dir), ['filler'])
    await rm(join(dir, 'filler'))
    t.equal(await health.status(), 'working')
  })

  await t.test('that is mounted read only is told so', async t => {
    const tiny = tinyFileSystem(t)
    if (tiny === undefined) {
      const disk = faulty(await folder(t), { put: async () => { throw systemError('EROFS') } })
      t.equal(await healthOf(t, { disk }).status(), 'unavailable: a file cannot be written: read only')
      return
    }
    tiny.remount('ro')
    t.equal(await healthOf(t, { dir: tiny.dir }).status(), 'unavailable: a file cannot be written: read only')
    tiny.remount('rw')
    t.equal(await healthOf(t, { dir: tiny.dir }).status(), 'working')
  })

  await t.test('that this user may not write to is told so', async t => {
    const dir = await folder(t)
    await chmod(dir, 0o555)
    const health = healthOf(t, { dir })
    // Nothing is forbidden to root.
    const root = process.geteuid?.() === 0
    if (root) process.seteuid?.(65534)
    try {
      t.equal(await health.status(), 'unavailable: a file cannot be written: permission denied')
    } finally {
      if (root) process.seteuid?.(0)
    }
    await chmod(dir, 0o755)
    t.equal(await health.status(), 'working')
  })
})

test('a disk of flydrive', async t => {
  await t.test('is taken as it is, as a manager, or by the name of its decorator', async t => {
    const dir = await folder(t)
    const disk = fsDisk(dir)
    const manager = new DriveManager({ default: 'files', services: { files: () => new FSDriver({ location: dir, visibility: 'private' }) } })
    const app = Fastify().decorate('files', disk).decorate('drive', manager)
    for (const given of [disk, manager, 'files', 'drive']) {
      const health = healthOf(t, { disk: given }, { app })
      t.same(await health.faults(), [])
      t.equal(await health.status(), 'working')
    }
    t.same(await readdir(dir), [])
  })

  await t.test('that forgets, alters, or keeps what it should not is told so', async t => {
    const dir = await folder(t)
    const forgetful = faulty(dir, { put: async () => {} })
    t.equal(await healthOf(t, { disk: forgetful }).status(), 'unavailable: a file cannot be read: no such file or folder')
    const garbling = faulty(dir, { get: async file => (await readFile(join(dir, file), 'utf8')).toUpperCase() + '!' })
    t.equal(await healthOf(t, { disk: garbling }).status(), 'unexpected result: the file read is not the file written')
    t.same(await readdir(dir), [])

    const keeping = faulty(dir, { delete: async () => {} })
    t.equal(await healthOf(t, { disk: keeping }).status(), 'unexpected result: the file is still there after it was deleted')
    t.equal((await readdir(dir)).length, 1)
  })

  await t.test('that fails at any step is told which, and what stands in the way', async t => {
    const dir = await folder(t)
    const failing = (code: string) => async () => { throw systemError(code) }
    t.equal(await healthOf(t, { disk: faulty(dir, { get: failing('EACCES') }) }).status(), 'unavailable: a file cannot be read: permission denied')
    t.equal(await healthOf(t, { disk: faulty(dir, { exists: failing('EMFILE') }) }).status(), 'unavailable: a file cannot be looked for: too many open files')
    t.same(await readdir(dir), [])
    t.equal(await healthOf(t, { disk: faulty(dir, { put: failing('ENOSPC'), delete: failing('EROFS') }) }).status(), 'unavailable: a file cannot be written: no space left', 'the first is told')
    t.equal(await healthOf(t, { disk: faulty(dir, { put: failing('EWEIRD') }) }).status(), 'unknown error', 'and nothing of what is not known')
    t.equal(await healthOf(t, { disk: faulty(dir, { delete: failing('EPERM') }) }).status(), 'unavailable: a file cannot be deleted: permission denied')
  })

  await t.test('that refuses to delete gets no more than one object, until it deletes again', async t => {
    const location = await folder(t)
    let isRefused = true
    const refusing = faulty(location, { delete: async file => await (isRefused ? Promise.reject(Object.assign(new Error(), { name: 'AccessDenied' })) : fsDisk(location).delete(file)) })
    const app = Fastify().decorate('drive', refusing as never)
    for (const options of [{ disk: refusing }, { disk: 'drive' }]) {
      isRefused = true
      const { status } = healthOf(t, options, { app })
      for (let n = 0; n < 5; n++) t.equal(await status(), 'unavailable: a file cannot be deleted: permission denied')
      t.equal((await readdir(location)).length, 1)
      isRefused = false
      t.equal(await status(), 'working')
      t.same(await readdir(location), [])
    }
  })

  await t.test('that answers without end is read no further than a file of the check is long', async t => {
    let read = 0
    const endless = async function * () {
      for (;;) {
        read++
        yield Buffer.alloc(512)
      }
    }
    const { status } = healthOf(t, { disk: faulty(await folder(t), { getStream: async () => endless() }) })
    t.equal(await status(), 'unexpected result: the file read is not the file written')
    t.equal(read, 3)
  })

  await t.test('whose answer comes too late has its file removed all the same', async t => {
    const dir = await folder(t)
    let written = 0
    const late = <T>(step: 'put' | 'get', answer: (file: string, contents: string) => Promise<T>) => ({
      [step]: async (file: string, contents: string) => {
        await sleep(150)
        written = Math.max(written, (await readdir(dir)).length)
        return await answer(file, contents)
      },
    })
    for (const disk of [
      faulty(dir, late('put', async (file, contents) => await writeFile(join(dir, file), contents).then(() => { written = 1 }))),
      faulty(dir, late('get', async file => await readFile(join(dir, file), 'utf8'))),
    ]) {
      written = 0
      const health = healthOf(t, { disk, timeout: 50 })
      t.equal(await health.status(), 'unavailable: timed out after 50 ms')
      t.match(await health.status(), /^unavailable: still running after \d+ s$/, 'no other is started on top of it')
      await until(() => written === 1)
      await until(async () => (await readdir(dir)).length === 0)
    }
  })
})

test('an S3', async t => {
  const s3 = await startS3(t)
  const disk = s3Disk(s3)
  const files = async () => [...(await disk.listAll('/', { recursive: true })).objects]

  await t.test('is asked with an object that is gone afterwards', async t => {
    t.equal(await healthOf(t, { disk }).status(), 'working')
    t.same(await files(), [])
  })

  await t.test('without the bucket, or that does not know us, is told so', async t => {
    t.equal(await healthOf(t, { disk: s3Disk({ ...s3, bucket: 'ghost' }) }).status(), 'unavailable: a file cannot be written: no such bucket')
    const stranger = { accessKeyId: 'stranger', secretAccessKey: 'stranger' }
    t.equal(await healthOf(t, { disk: s3Disk({ ...s3, credentials: stranger }) }).status(), 'unavailable: a file cannot be written: authentication failed')
  })

  await t.test('that refuses is unavailable, and asked anew once it is back', async t => {
    const health = healthOf(t, { disk })
    await s3.stop()
    t.match(await health.status(), /^unavailable: a file cannot be written: connection (refused|lost)$/)
    await s3.start()
    t.equal(await health.status(), 'working')
  })

  await t.test('that is frozen is unavailable in time, and keeps no object once it is thawed', async t => {
    const health = healthOf(t, { disk, timeout: 300 })
    s3.freeze()
    const begun = performance.now()
    t.equal(await health.status(), 'unavailable: timed out after 300 ms')
    t.ok(performance.now() - begun < 500)
    s3.thaw()
    await until(async () => (await health.status()) === 'working')
    t.same(await files(), [])
  })
})

function s3Disk ({ endpoint, region, bucket, credentials }: Pick<S3, 'endpoint' | 'region' | 'bucket' | 'credentials'>): Disk {
  return new Disk(new S3Driver({ endpoint, region, bucket, credentials, forcePathStyle: true, supportsACL: false, visibility: 'private' }))
}

test('a folder and a disk at once, of an entry that was added later, are refused', async t => {
  t.equal(await healthOf(t, { dir: await folder(t), disk: 'ghost' }).status(), 'unknown error: E007 both `dir` and `disk` are given')
})

test('what cannot be is told at boot', async t => {
  const app = Fastify().decorate('number', 3)
  const faults = async (options: object) => await healthOf(t, options, { app }).faults()
  t.match(await faults({}), [/^E007 .*neither `dir` nor `disk` is given/])
  t.match(await faults({ dir: '/tmp', disk: fsDisk('/tmp') }), [/^E007 .*both `dir` and `disk` are given/])
  t.match(await faults({ disk: 'ghost' }), [/^E007 app\.ghost is not there Decorate it/])
  t.match(await faults({ disk: 'number' }), [/^E007 app\.number is no Disk and no DriveManager/])
  t.match(await faults({ dir: '' }), [/^E008 .*'dir' is ''/])
  t.match(await faults({ dir: 'a\0b' }), [/^E008 .*'dir' is .*the path of a folder/])
  for (const disk of ['', null, 3, {}, { put () {} }]) t.match(await faults({ disk }), [/^E008 .*'disk' is .*a flydrive Disk, a DriveManager, or the name of the decorator/])
})
