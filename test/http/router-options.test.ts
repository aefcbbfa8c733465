import Fastify, { type FastifyServerOptions } from 'fastify'
import { test } from 'tap'
import { routerOptions } from '../../lib/http/router-options.js'

const read = (options?: FastifyServerOptions) => routerOptions(Fastify(options))
const strict = { caseSensitive: true, ignoreDuplicateSlashes: false, ignoreTrailingSlash: false, useSemicolonDelimiter: false }
const loose = { caseSensitive: false, ignoreDuplicateSlashes: true, ignoreTrailingSlash: true, useSemicolonDelimiter: true }

test('the router is strict unless told otherwise', async t => {
  t.strictSame(read(), strict)
  t.strictSame(read({ routerOptions: { maxParamLength: 10 } }), strict)
})

test('it may be told in either place', async t => {
  t.strictSame(read({ routerOptions: loose }), loose)
  t.strictSame(read(loose), loose)
})

test('what is told in one place holds, though the other one is there', async t => {
  t.strictSame(read({ caseSensitive: false, ignoreTrailingSlash: true, routerOptions: { ignoreDuplicateSlashes: true } }), { ...loose, useSemicolonDelimiter: false })
})
