import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Bytes in use once everything that nobody refers to any more is gone. */
export async function heapInUse (): Promise<number> {
  for (let round = 0; round < 3; round++) {
    await sleep(5)
    collect()
  }
  return process.memoryUsage().heapUsed
}
