import t from 'tap'
import { readFile } from 'node:fs/promises'
import { run } from '../../lib/cli/run.js'
import { command } from '../helpers/command.js'

t.test('--help and --version are answered without a configuration', async t => {
  const help = await command(['--help'], { cwd: '/' })
  t.match(help, { status: 0, err: '' })
  t.match(help.out, /fastify-health --subset <name>/)
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  t.strictSame(await command(['--version'], { cwd: '/' }), { status: 0, out: `${version}\n`, err: '' })
})

t.test('bad usage exits 2 and says where help is', async t => {
  const { status, out, err } = await command([])
  t.equal(status, 2)
  t.equal(out, '')
  t.match(err, /^Name the subset to ask: fastify-health --subset <name>\nTry fastify-health --help\.\n$/)
})

t.test('a value that is thrown and is no error still ends in exit status 2', async t => {
  t.match(await command(['-s', 'x', '--config', 'throws-null.js']), { status: 2, err: /cannot be loaded: null/ })
})

t.test('control characters of an argument reach no terminal', async t => {
  const { status, err } = await command(['-s', '\u001b]0;forged\u0007\rreadiness'])
  t.equal(status, 2)
  t.match(err, 'forged')
  t.notMatch(err, /[^\P{Cc}\n]/u)
})

t.test('an argument forges no line', async t => {
  t.strictSame(await command(['--subset=x', 'check\nE001 forged\t\u001b[31m']), {
    status: 2, out: '', err: "There is no command 'check E001 forged [31m'. To ask a subset: fastify-health --subset <name>\nTry fastify-health --help.\n",
  })
})

t.test('with colours, what is printed holds no other escape sequence', async t => {
  const { out } = await command(['--config', 'hostile.config.js', '-s', 'odd', '--format', 'html'], { colour: true })
  t.match(out, 'Forged')
  t.notMatch(out, /[^\P{Cc}\n](?!\[\d{1,2}m)/u)
})

t.test('without a working directory nothing can be asked', async t => {
  let err = ''
  const io = { out: () => {}, err: (text: string) => { err += text }, cwd: undefined, untilStopped: async () => {}, endAfter: async () => {}, colour: false }
  t.equal(await run(['-s', 'readiness'], io), 2)
  t.match(err, /^The working directory does not exist any more/)
})
