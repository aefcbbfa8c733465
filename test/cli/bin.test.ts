import t from 'tap'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { bin, fixtures, spawned } from '../helpers/command.js'

t.test('the process exits with the status of the command, and prints what it found', async t => {
  t.match(await spawned(['-s', 'liveness']), { status: 0, out: 'Shared                   ... working\n', err: /^W002 subset 'liveness'/ })
  t.match(await spawned(['-s', 'bad']), { status: 1, out: /Gone +\.\.\. unavailable: connection refused/ })
})

t.test('it ends although a check hangs and keeps a timer running', async t => {
  t.match(await spawned(['-s', 'haunted', '--config', 'haunted.config.js']), { status: 1, out: /timed out after/ })
})

t.test('what nothing caught is told in a line, and is no verdict', async t => {
  const [exception, rejection, nagios] = await Promise.all([['exception'], ['rejection'], ['exception', '--format', 'nagios']].map(async ([subset = '', ...argv]) => {
    return await spawned(['-s', subset, '--config', 'crashing.config.js', ...argv])
  }))
  const advice = 'Catch it where the configuration, the app or the check throws it.'
  t.strictSame(exception, { status: 2, out: '', err: `An exception that nothing caught stopped the command: lost [redacted]. ${advice}\n` })
  t.strictSame(rejection, { status: 2, out: '', err: `An exception that nothing caught stopped the command: null. ${advice}\n` })
  t.strictSame(nagios, { status: 3, out: `FASTIFY-HEALTH UNKNOWN - An exception that nothing caught stopped the command: lost [redacted]. ${advice}\n`, err: '' })
})

t.test('a terminal gets colours, unless NO_COLOR is set', async t => {
  const inTerminal = async (env: NodeJS.ProcessEnv) => {
    const line = [process.execPath, ...process.execArgv, bin, '-s', 'good'].map(word => `'${word}'`).join(' ')
    const { stdout } = await promisify(execFile)('script', ['-qec', line, '/dev/null'], { cwd: fixtures, env })
    return stdout
  }
  // On a build server no terminal is taken to have colours.
  const { NO_COLOR, FORCE_COLOR, CI, ...env } = process.env
  t.match(await inTerminal({ ...env, TERM: 'xterm' }), '\u001b[32mworking\u001b[39m')
  t.notMatch(await inTerminal({ ...env, NO_COLOR: '1', TERM: 'xterm' }), '\u001b[')
})

t.test('output that cannot be written is no verdict', async t => {
  const line = [process.execPath, ...process.execArgv, bin, '-s', 'good'].map(word => `'${word}'`).join(' ')
  const { code, stderr } = await promisify(execFile)('sh', ['-c', `${line} > /dev/full`], { cwd: fixtures }).then(() => ({ code: 0, stderr: '' }), error => error)
  t.equal(code, 2)
  t.equal(stderr, 'What was found cannot be written: ENOSPC. Make room where the output goes.\n')
})
