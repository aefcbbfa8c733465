import t from 'tap'
import { closeSync, openSync } from 'node:fs'
import { showsColours } from '../../lib/cli/colours.js'

t.test('what is no terminal gets no colours', async t => {
  const file = openSync(new URL(import.meta.url), 'r')
  const nothing = openSync('/dev/null', 'r')
  t.teardown(() => [file, nothing].forEach(closeSync))
  t.equal(await showsColours(file, { FORCE_COLOR: '1' }), false)
  t.equal(await showsColours(nothing, { FORCE_COLOR: '1' }), false)
})
