import t, { type Test } from 'tap'
import { execFileSync } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { join } from 'node:path'
import { endLater } from '../../lib/cli/watchdog.js'
import { spawned } from '../helpers/command.js'
import { fastifyHealth } from '../helpers/example.js'

/** A command whose check or configuration blocks the thread for ever. */
async function blocked (t: Test, body: string, argv: readonly string[]) {
  const cwd = t.testdir({ 'health.config.mjs': body })
  execFileSync('mkfifo', [join(cwd, 'pipe')])
  return await fastifyHealth([...argv, '--timeout', '2000'], { cwd })
}

const check = (body: string) => `
  import { readFileSync } from 'node:fs'
  import { defineCheck } from 'fastify-health'
  export default { subsets: { it: [defineCheck({ identifier: 'It', check () { ${body} } })] } }`
const text = 'The command did not end within 2000 ms: the configuration, the app or a check blocks the thread. Look there for a loop, or for a call that is not asynchronous.\n'

t.test('--timeout ends a command whose check loops for ever', async t => {
  t.strictSame(await blocked(t, check('for (;;);'), ['-s', 'it']), { status: 2, out: '', err: text })
})

t.test('a monitoring plugin says so in its own words', async t => {
  t.strictSame(await blocked(t, check('for (;;);'), ['-s', 'it', '--format', 'nagios']), { status: 3, out: `FASTIFY-HEALTH UNKNOWN - ${text}`, err: '' })
})

t.test('--timeout ends a command whose configuration loops for ever', async t => {
  t.strictSame(await blocked(t, 'for (;;);', ['check']), { status: 2, out: '', err: text })
})

t.test('a thread that waits inside of the system is killed', async t => {
  t.match(await blocked(t, check("readFileSync('pipe')"), ['-s', 'it']), { status: null, out: '', err: text })
})

t.test('a command that ends in time is not disturbed', async t => {
  t.strictSame(await spawned(['-s', 'good', '--timeout', '60000']), { status: 0, out: 'Fine                     ... working\n', err: '' })
})

// What ends the process ends the measuring of coverage, too.
t.test('the thread prints, lets the main thread end the process, and kills it where it does not', async t => {
  const file = join(t.testdir({}), 'out')
  const descriptor = openSync(file, 'w') as 1
  const kill = t.capture(process, 'kill', () => true)
  t.capture(Session.prototype, 'connectToMainThread', () => {})
  const post = t.capture(Session.prototype, 'post', () => {})
  endLater({ time: 1, status: 3, text: 'late\n', descriptor })
  await new Promise(resolve => setTimeout(resolve, 600))
  t.equal(readFileSync(file, 'utf8'), 'late\n')
  t.match(post().map(({ args }) => args), [['Runtime.evaluate', { expression: /process\.reallyExit\(3\)/ }]])
  t.strictSame(kill().map(({ args }) => args), [[process.pid, 'SIGKILL']])
})

t.test('the thread kills the process where no inspector is', async t => {
  const kill = t.capture(process, 'kill', () => true)
  t.capture(Session.prototype, 'connectToMainThread', () => { throw new Error('not supported') })
  endLater({ time: 1, status: 3, text: '', descriptor: openSync('/dev/null', 'w') as 1 })
  await new Promise(resolve => setTimeout(resolve, 600))
  t.strictSame(kill().map(({ args }) => args), [[process.pid, 'SIGKILL'], [process.pid, 'SIGKILL']])
})
