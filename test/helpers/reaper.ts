import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'

// A process of its own, since a handler in the test's process does not run after a SIGKILL, nor after tap's SIGTERM.
const script = `
  trap '' HUP INT TERM
  while read -r folder; do set -- "$@" "$folder"; done
  for folder; do
    [ -d "$folder" ] || continue
    for round in 1 2 3 4 5 6 7 8 9; do
      pids=$({
        find /proc/[0-9]*/cwd -maxdepth 0 '(' -lname "$folder" -o -lname "$folder/*" ')'
        grep -lzxF "HOME=$folder" /proc/[0-9]*/environ
      } | cut -d / -f 3)
      [ -n "$pids" ] || break
      kill -KILL $pids
    done
    rm -rf "$folder"
  done`

let reaper: ChildProcess | undefined

/** Whatever becomes of this process: when it is gone, the processes that run in `folder` and the folder itself go too. */
export function reap (folder: string): void {
  if (!reaper) {
    // Detached, since an interrupt at the terminal goes to the whole process group.
    reaper = spawn('/bin/sh', ['-c', script], { cwd: '/', env: { PATH: '/usr/bin:/bin' }, detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
    reaper.unref()
    ;(reaper.stdin as Socket).unref()
  }
  reaper.stdin?.write(`${folder}\n`)
}
