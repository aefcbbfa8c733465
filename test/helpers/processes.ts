import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/**
 * The processes below `root`, itself included, and those that left its tree but still run in `folder` or have it as their HOME:
 * epmd makes itself a daemon elsewhere, and PostgreSQL's backends overwrite their environment. Parents come first.
 */
export function processesOf (root: number | undefined, folder: string): number[] {
  const found = new Set<number>()
  for (const { pid, parent } of table()) {
    if (pid === root || found.has(parent) || isOf(folder, pid)) found.add(pid)
  }
  return [...found]
}

/** Sends `name` to a process; one that ended meanwhile is no error. */
export function signal (pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function table (): { pid: number, parent: number }[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .sort((a, b) => a - b)
    .flatMap((pid) => {
      const stat = read(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
      // The name stands before it in brackets, and may hold brackets and spaces itself.
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      // A zombie is dead, and holds neither port nor file.
      return stat === '' || state === 'Z' || state === 'X' ? [] : [{ pid, parent: Number(parent) }]
    })
}

function isOf (folder: string, pid: number): boolean {
  const cwd = read(() => readlinkSync(`/proc/${pid}/cwd`))
  return cwd === folder || cwd.startsWith(`${folder}/`) ||
    read(() => readFileSync(`/proc/${pid}/environ`, 'utf8')).split('\0').includes(`HOME=${folder}`)
}

/** A process may end while it is looked at, and another user's may not be looked at. */
function read (what: () => string): string {
  try {
    return what()
  } catch {
    return ''
  }
}
