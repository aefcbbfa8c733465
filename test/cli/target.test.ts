import t from 'tap'
import { command, spawned } from '../helpers/command.js'

t.test('--timeout ends a `setup` that hangs', async t => {
  t.match(await command(['-s', 'heavy', '--config', 'hanging-setup.config.js', '--timeout', '300']), {
    status: 2, out: '', err: /^Nothing could be asked within \d+ ms: .* Raise --timeout\./,
  })
})

t.test('--timeout ends whatever looks at a module that never loads, or at requirements that never settle', async t => {
  for (const argv of [['-s', 'module'], ['-s', 'requirements'], ['check'], ['manifest', 'kubernetes', '--name', 'orders']]) {
    const { status, out, err } = await command([...argv, '--config', 'never.config.js', '--timeout', '300'])
    t.match({ status, out, err }, { status: 2, out: '', err: /^Nothing could be asked within 300 ms: .* Raise --timeout\./ }, argv.join(' '))
  }
})

t.test('without --timeout it ends, too, and says which of them it was', async t => {
  const [module, requirements] = await Promise.all(['module', 'requirements'].map(async subset => await spawned(['-s', subset, '--config', 'never.config.js'])))
  t.match(module, { status: 2, out: '', err: /^E004 subset 'module': \.\/never\.js has not loaded within 3000 ms\./ })
  t.match(requirements, { status: 2, out: '', err: /^E007 subset 'requirements', Undecided: what it needs could not be made out within 3000 ms\./ })
})

t.test('an app that does not close ends, too', async t => {
  t.strictSame(await command(['-s', 'heavy', '--config', 'hanging-close.config.js']), { status: 0, out: 'Client                   ... working\n', err: '' })
})

t.test('what a check throws unexpectedly is told on stderr as text, and kept from the report', async t => {
  const { status, out, err } = await command(['-s', 'throwing', '--config', 'throwing.config.js'])
  t.equal(status, 1)
  t.equal(out, 'Clumsy                   ... unknown error\n')
  t.match(err, /^health: Clumsy threw an unexpected error: TypeError: .*\n +at /)
})

t.test('so is what is no Error', async t => {
  t.strictSame(await command(['-s', 'textual', '--config', 'throwing.config.js']), {
    status: 1, out: 'Textual                  ... unknown error\n', err: 'health: Textual threw an unexpected error: no error at all\n',
  })
})
