import { test } from 'tap'
import { createHealth, defineCheck, ServiceUnavailable } from '../../lib/index.js'
import { plain } from '../../lib/renderers/plain.js'

const named = (identifier: string, check = () => {}) => defineCheck({ identifier, check })

test('it is a line a check, the identifier padded to 24', async t => {
  const health = createHealth({ subsets: { s: [named('RedisCheck', () => { throw new ServiceUnavailable('connection refused') }), named('DatabaseHeartbeatCheck')] } })
  t.equal(plain.render(await health.run('s'), {}), [
    'DatabaseHeartbeatCheck   ... working\n',
    'RedisCheck               ... unavailable: connection refused\n',
  ].join(''))
  t.equal(plain.contentType, 'text/plain; charset=utf-8')
})

test('a longer identifier is not cut', async t => {
  const name = 'A check whose name is longer than that'
  const health = createHealth({ subsets: { s: [named(name)] } })
  t.equal(plain.render(await health.run('s'), {}), `${name} ... working\n`)
})

test('an identifier forges no line, and no colour', async t => {
  const health = createHealth({ subsets: { s: [named('x\r\nFAKE ... working\x1b[31m', () => { throw new ServiceUnavailable('gone') })] } })
  t.equal(plain.render(await health.run('s'), {}), 'x FAKE ... working [31m  ... unavailable: gone\n')
})

test('a subset without checks is nothing', async t => {
  t.equal(plain.render(await createHealth({ subsets: { s: [] } }).run('s'), {}), '')
})
