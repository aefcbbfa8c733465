import { test } from 'tap'
import { readdir } from 'node:fs/promises'
import { builtInChecks } from '../../lib/checks/index.js'
import { isCheckClass } from '../../lib/check.js'

test('every one of them loads, and its default export is a check', async t => {
  for (const [specifier, load] of Object.entries(builtInChecks)) {
    t.ok(isCheckClass((await load())['default']), specifier)
  }
})

test('no module of lib/checks whose default export is a check is left out', async t => {
  const files = await readdir(new URL('../../lib/checks/', import.meta.url))
  const found = await Promise.all(files.filter(file => file.endsWith('.ts')).map(async file => {
    const name = file.slice(0, -3)
    const { default: exported } = await import(`../../lib/checks/${name}.js`)
    return isCheckClass(exported) ? [`fastify-health/checks/${name}`] : []
  }))
  t.strictSame(found.flat().sort(), Object.keys(builtInChecks))
})
