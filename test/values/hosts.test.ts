import { test } from 'tap'
import { urlsOf } from '../../lib/values/hosts.js'

test('a URL of several hosts is one URL for each of them', async t => {
  t.strictSame(urlsOf('postgres://user:p,w@one:5432,two,[::1]:5433/shop?ssl=true'), [
    'postgres://user:p,w@one:5432/shop?ssl=true', 'postgres://user:p,w@two/shop?ssl=true', 'postgres://user:p,w@[::1]:5433/shop?ssl=true',
  ])
  t.strictSame(urlsOf('mongodb://one,two'), ['mongodb://one', 'mongodb://two'])
})

test('any other text is the only one', async t => {
  for (const text of ['', 'one,two', 'postgres://user:p,w@one/shop', 'https://shop/a,b', 'https://shop?a,b']) t.strictSame(urlsOf(text), [text])
})
