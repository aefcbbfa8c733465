import t, { type Test } from 'tap'
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { join } from 'node:path'
import { write } from '../../lib/cli/write.js'

// Opened for both directions, so that neither end waits for the other; it takes 64 KiB until somebody reads.
function pipe (t: Test): { fd: number, path: string } {
  const path = join(t.testdir(), 'pipe')
  execFileSync('mkfifo', [path])
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  t.teardown(() => closeSync(fd))
  return { fd, path }
}

t.test('a slow reader gets all of it', async t => {
  const { fd, path } = pipe(t)
  const text = 'ä'.repeat(100_000)
  const reader = spawn('sh', ['-c', `sleep 0.2; head -c ${Buffer.byteLength(text)} '${path}' | md5sum`])
  let sum = ''
  reader.stdout.on('data', chunk => { sum += chunk })
  const read = new Promise(resolve => reader.on('close', resolve))
  write(fd, text)
  await read
  t.equal(sum, execFileSync('md5sum', { input: text }).toString())
})

t.test('a reader that makes no room holds nobody up', async t => {
  write(pipe(t).fd, 'x'.repeat(100_000))
})

t.test('a reader that is gone is no error', async t => {
  t.equal(write(9999, 'text'), undefined)
})

t.test('a disk that is full is told', async t => {
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  t.equal(write(full, 'text'), 'ENOSPC')
})
