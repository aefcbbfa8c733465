import { test } from 'tap'
import { lineLogger } from '../../lib/engine/logger.js'

function recorder (level?: string) {
  const written: string[] = []
  return { written, log: lineLogger(line => { written.push(line) }, level) }
}

test('a line is one JSON object with level, fields and message', async t => {
  const { log, written } = recorder()
  log.warn({ check: 'A' }, 'look')
  log.error('failed')
  t.strictSame(written, ['{"level":"warn","check":"A","msg":"look"}\n', '{"level":"error","msg":"failed"}\n'])
})

test('an error is told with its type, message and stack, in a field or alone', async t => {
  const { log, written } = recorder()
  log.error({ err: new TypeError('broken') }, 'look')
  log.error(new TypeError('broken'))
  log.error(new TypeError('broken'), 'look')
  const lines = written.map(line => JSON.parse(line))
  for (const line of lines) t.match(line.err, { type: 'TypeError', message: 'broken', stack: /logger\.test/ })
  t.strictSame(lines.map(({ msg }) => msg), ['look', 'broken', 'look'])
})

test('what JSON cannot hold does not throw', async t => {
  const { log, written } = recorder()
  const circle: Record<string, unknown> = { size: 1n }
  log.error({ ...circle }, 'big')
  circle['self'] = circle
  log.error(circle, 'round')
  t.match(JSON.parse(written[0] as string), { msg: 'big', size: '1' })
  t.match(JSON.parse(written[1] as string), { level: 'error', msg: 'round', fields: /Circular/ })
})

test('only its level and above are written, warn unless told', async t => {
  for (const [level, loud] of [[undefined, ['warn', 'error', 'fatal']], ['error', ['error', 'fatal']], ['trace', ['trace', 'debug', 'info', 'warn', 'error', 'fatal']], ['silent', []]] as const) {
    const { log, written } = recorder(level)
    for (const name of ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const) log[name]('x')
    t.strictSame(written.map(line => JSON.parse(line).level), loud)
    t.equal(log.level, level ?? 'warn')
  }
})

test('a child adds its fields to every line', async t => {
  const { log, written } = recorder('error')
  const child = log.child({ check: 'A' }).child({ run: 2 })
  child.warn('quiet')
  child.error({ check: 'B' }, 'look')
  t.strictSame(written, ['{"level":"error","check":"B","run":2,"msg":"look"}\n'])
})
