import { randomUUID } from 'node:crypto'
import { access, readFile, unlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { HealthCheck } from '../check.js'
import { hasMethods, identityOf } from '../clients/client.js'
import { wordsFor } from '../clients/driver-errors.js'
import { Leftovers, leftoversOf } from '../clients/leftovers.js'
import { lacking, ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { rule, withoutNul } from '../values/rules.js'
import type { CheckContext, Requirement, RequirementsContext, RulesOf } from '../../types/check.js'
import { decorated } from '../clients/requirements.js'

/** The part of flydrive's Disk that a check uses. */
export interface DiskLike {
  put (key: string, contents: string): Promise<unknown>
  get (key: string): Promise<string>
  /** If there is this method, the check reads through it, and only a limited number of characters. */
  getStream? (key: string): Promise<AsyncIterable<unknown>>
  delete (key: string): Promise<unknown>
  exists (key: string): Promise<boolean>
}

/** The part of flydrive's DriveManager that a check uses. */
export interface DriveManagerLike {
  use (): DiskLike
}

/** The options. Exactly one of `dir` and `disk` must be given. */
export interface StorageOptions {
  /** A local folder. A relative path is resolved against the setting `baseDir`. */
  dir?: string
  /** A Disk of flydrive, a DriveManager with its default disk, or the name of the decorator that holds one. */
  disk?: string | DiskLike | DriveManagerLike
}

/**
 * Passes if a file is written, read back unchanged, deleted, and then missing. Its name is unique, and it is removed after a failure, too.
 */
export class StorageCheck extends HealthCheck<StorageOptions> {
  static override readonly rules = {
    dir: withoutNul('the path of a folder'),
    disk: rule('a flydrive Disk, a DriveManager, or the name of the decorator that holds one',
      value => (typeof value === 'string' && value !== '') || isDisk(value) || isDriveManager(value)),
  } satisfies RulesOf<StorageOptions>

  static override readonly scope = 'shared'

  override requirements (context: RequirementsContext): Requirement[] {
    const { dir, disk } = this.options
    if ((dir === undefined) === (disk === undefined)) {
      return [{
        message: dir === undefined ? 'neither `dir` nor `disk` is given' : 'both `dir` and `disk` are given',
        hint: 'Give `dir` for a local folder, or `disk` for a disk of flydrive.',
      }]
    }
    if (typeof disk !== 'string') return []
    const found = decorated(context.app, [disk])
    if (isDisk(found) || isDriveManager(found)) return []
    return [{
      message: found === undefined ? `app.${disk} is not there` : `app.${disk} is no Disk and no DriveManager`,
      hint: `Decorate it: app.decorate('${disk}', new Disk(driver)), or give the check a \`dir\`.`,
    }]
  }

  // Neither a disk nor the file system can abort a request. A run that hangs ends when the file is gone. The next run starts after that.
  override async check (context: CheckContext) {
    const { signal } = context
    const disk = this.#disk(context)
    const leftovers = await this.#leftovers(context)
    // A file that could not be deleted is used again, so that a storage that refuses to delete does not fill up.
    const file = leftovers.left[0] ?? `healthcheck-${randomUUID()}.txt`
    leftovers.use(file)
    const contents = randomUUID()
    const remove = async () => {
      try {
        await disk.delete(file)
        leftovers.removed(file)
      } catch (error) {
        leftovers.leave(file)
        throw error
      }
    }
    try {
      await step('written', disk.put(file, contents))
      signal.throwIfAborted()
      const found = await step('read', contentsOf(disk, file))
      signal.throwIfAborted()
      if (found !== contents) throw new ServiceReturnedUnexpectedResult('the file read is not the file written')
    } catch (error) {
      // The first fault is reported. A second one, when the file is deleted, adds nothing.
      await remove().catch(() => {})
      throw error
    }
    await step('deleted', remove())
    if (await step('looked for', disk.exists(file))) {
      throw new ServiceReturnedUnexpectedResult('the file is still there after it was deleted')
    }
  }

  async #leftovers ({ resources }: CheckContext): Promise<Leftovers> {
    const { dir, disk } = this.options
    if (typeof disk !== 'object') return await resources.get(`storage ${dir} ${disk}`, () => new Leftovers())
    return leftoversOf(identityOf(disk))
  }

  #disk (context: CheckContext): DiskLike {
    const { dir, disk } = this.options
    if (dir !== undefined && disk !== undefined) throw lacking(this.requirements(context))
    if (dir !== undefined) return folder(resolve(context.settings.baseDir, dir))
    const found = (typeof disk === 'string' ? decorated(context.app, [disk]) : disk) as DiskLike | DriveManagerLike
    return isDriveManager(found) ? found.use() : found
  }
}

/** At most this many characters of a file are read. The check wrote 36, but a server may answer with any number. */
const mostRead = 1024

async function contentsOf (disk: DiskLike, file: string): Promise<string> {
  if (disk.getStream === undefined) return await disk.get(file)
  let contents = ''
  for await (const chunk of await disk.getStream(file)) {
    contents += String(chunk)
    if (contents.length > mostRead) break
  }
  return contents
}

async function step<T> (what: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const words = wordsFor(error)
    throw words === undefined ? error : new ServiceUnavailable(`a file cannot be ${what}: ${words}`, { cause: error })
  }
}

function folder (dir: string): DiskLike {
  return {
    // The file is flushed, since otherwise it would be only in memory, and the disk would not be tested.
    put: (file, contents) => writeFile(join(dir, file), contents, { flush: true }),
    get: file => readFile(join(dir, file), 'utf8'),
    delete: file => unlink(join(dir, file)),
    exists: file => access(join(dir, file)).then(() => true, () => false),
  }
}

function isDisk (value: unknown): value is DiskLike {
  return hasMethods(value, 'put', 'get', 'delete', 'exists')
}

function isDriveManager (value: unknown): value is DriveManagerLike {
  return hasMethods(value, 'use')
}

export default StorageCheck
