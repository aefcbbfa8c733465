import t from 'tap'
import { command } from '../helpers/command.js'

t.test('--timeout ends a `setup` that hangs', async t => {
  t.match(await command(['-s', 'heavy', '--config', 'hanging-setup.config.js', '--timeout', '300']), {
    status: 2, out: '', err: /^Nothing could be asked within \d+ ms: .* Raise --timeout\./,
  })
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
