import { test } from 'tap'
import { exportsOf } from '../../lib/config/exports.js'

test('a module exports what it says', async t => {
  for (const imported of [{ default: { a: 1 }, b: 2 }, { default: () => {} }, { default: null }, { b: 2 }]) t.equal(exportsOf(imported), imported)
})

test('CommonJS that was compiled out of an ES module exports what that did', async t => {
  const whole = { __esModule: true, default: 1, b: 2 }
  t.equal(exportsOf({ default: whole, __esModule: true, b: 2 }), whole)
})
