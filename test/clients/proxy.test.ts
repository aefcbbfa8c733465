import { test } from 'tap'
import { addressOf, findProxy, isMalformed, proxyAuthorization, proxyFailure, refusedByProxy } from '../../lib/clients/proxy.js'
import { HealthCheckError, ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../../lib/errors.js'
import { withProxyVariables } from '../helpers/proxy.js'

const proxyOf = (url: string, environment: Record<string, string>) => findProxy(new URL(url), environment).proxy?.href

test('each scheme has its variable, and the one in lower case comes first', t => {
  const all = { http_proxy: 'http://a', HTTP_PROXY: 'http://b', https_proxy: 'http://c', HTTPS_PROXY: 'http://d' }
  t.equal(proxyOf('http://shop', all), 'http://a/')
  t.equal(proxyOf('https://shop', all), 'http://c/')
  t.equal(proxyOf('http://shop', { HTTP_PROXY: 'http://b' }), 'http://b/')
  t.equal(proxyOf('https://shop', { HTTPS_PROXY: 'http://d' }), 'http://d/')
  t.equal(proxyOf('https://shop', { HTTP_PROXY: 'http://b', http_proxy: 'http://a' }), undefined)
  t.equal(proxyOf('http://shop', { HTTPS_PROXY: 'http://d' }), undefined)
  t.equal(proxyOf('https://shop', { https_proxy: '', HTTPS_PROXY: 'http://d' }), undefined, 'an empty one stands for no proxy')
  t.end()
})

test('the variables of the process are read', t => {
  withProxyVariables(t, { HTTPS_PROXY: 'http://proxy:3128' })
  t.equal(findProxy(new URL('https://shop')).proxy?.href, 'http://proxy:3128/')
  t.equal(findProxy(new URL('http://shop')).proxy, undefined)
  t.end()
})

test('a proxy without a scheme is one of HTTP', t => {
  t.equal(proxyOf('https://shop', { HTTPS_PROXY: 'proxy:3128' }), 'http://proxy:3128/')
  t.equal(proxyOf('https://shop', { HTTPS_PROXY: 'me:secret@10.0.0.1:3128' }), 'http://me:secret@10.0.0.1:3128/')
  t.equal(proxyOf('https://shop', { HTTPS_PROXY: 'https://proxy' }), 'https://proxy/')
  t.end()
})

test('what is no URL of an HTTP proxy is told by the name of its variable, and not shown', t => {
  for (const [variables, name] of [
    [{ HTTPS_PROXY: 'socks5://canary' }, 'HTTPS_PROXY'],
    [{ https_proxy: 'http://canary:100%@proxy' }, 'https_proxy'],
    [{ HTTPS_PROXY: 'canary proxy' }, 'HTTPS_PROXY'],
  ] as const) {
    const { proxy, missing } = findProxy(new URL('https://shop'), variables as Record<string, string>)
    t.equal(proxy, undefined)
    t.equal(missing?.message, `${name} is not the URL of an HTTP proxy`)
    t.match(missing?.hint, /^It must be a URL that starts with http:\/\/ or https:\/\/.*\.$/)
    t.notMatch(JSON.stringify(missing), /canary/)
  }
  t.equal(findProxy(new URL('https://shop'), { HTTPS_PROXY: 'socks5://canary', NO_PROXY: 'shop' }).missing, undefined)
  t.end()
})

test('NO_PROXY lists hosts that are asked directly', t => {
  const directly = (url: string, list: string) => proxyOf(url, { HTTPS_PROXY: 'http://proxy', HTTP_PROXY: 'http://proxy', NO_PROXY: list }) === undefined
  for (const [url, list] of [
    ['https://shop', '*'],
    ['https://shop', 'a, shop'],
    ['https://shop', 'a shop,'],
    ['https://SHOP.example', 'Shop.Example'],
    ['https://a.shop.example', 'shop.example'],
    ['https://a.b.shop.example', '.shop.example'],
    ['https://shop.example', '.shop.example'],
    ['https://a.shop.example', '*.shop.example'],
    ['https://shop.example.', 'shop.example'],
    ['https://shop.example', 'shop.example.'],
    ['https://shop.example', 'shop.example:443'],
    ['http://shop.example', 'shop.example:80'],
    ['http://shop.example:8080', 'shop.example:8080'],
    ['http://shop.example:8080', 'shop.example'],
    ['http://shop.example:8080', '*:8080'],
    ['http://10.1.2.3', '10.1.2.3'],
    ['http://10.1.2.3:81', '10.1.2.3:81'],
    ['http://10.1.2.3', '10.0.0.0/8'],
    ['http://10.1.2.3', '10.1.2.3/32'],
    ['http://10.1.2.3', '0.0.0.0/0'],
    ['http://[::1]', '::1'],
    ['http://[::1]', '[::1]'],
    ['http://[::1]:81', '[::1]:81'],
    ['http://[fd00:0::1]', 'fd00::/8'],
  ] as const) t.ok(directly(url, list), `${url} by ${list}`)
  for (const [url, list] of [
    ['https://shop', ''],
    ['https://shop', ' , '],
    ['https://shop', 'shops'],
    ['https://workshop', 'shop'],
    ['https://shop.example.org', 'shop.example'],
    ['https://example', 'shop.example'],
    ['https://shop.example', 'shop.example:80'],
    ['https://shop.example', '.'],
    ['https://shop.example', '10.0.0.0/8'],
    ['http://10.1.2.3', '1.2.3'],
    ['http://10.1.2.3', '.1.2.3'],
    ['http://10.1.2.3', '11.0.0.0/8'],
    ['http://10.1.2.3', '10.0.0.0/33'],
    ['http://10.1.2.3', '10.0.0.0/x'],
    ['http://10.1.2.3', '10.0.0.0/'],
    ['http://10.1.2.3', 'shop'],
    ['http://10.1.2.3:81', '10.1.2.3:82'],
    ['http://10.1.2.3', '::/0'],
    ['http://[::1]:81', '[::1]:82'],
    ['http://[fe80::1]', 'fd00::/8'],
    ['http://[fe80::1]', 'fd00::/129'],
  ] as const) t.notOk(directly(url, list), `${url} by ${list}`)
  t.equal(proxyOf('https://shop', { HTTPS_PROXY: 'http://proxy', no_proxy: 'cart', NO_PROXY: 'shop' }), 'http://proxy/', 'the one in lower case comes first')
  t.end()
})

test('the address and the credentials of a proxy are decoded', t => {
  t.strictSame(addressOf(new URL('https://me:secret@[::1]:3128/x')), { protocol: 'https:', hostname: '::1', port: '3128' })
  const basic = (text: string) => ({ 'proxy-authorization': `Basic ${Buffer.from(text).toString('base64')}` })
  t.strictSame(proxyAuthorization(new URL('http://me:p%40ss@proxy')), basic('me:p@ss'))
  t.strictSame(proxyAuthorization(new URL('http://me@proxy')), basic('me:'))
  t.strictSame(proxyAuthorization(new URL('http://:pass@proxy')), basic(':pass'))
  t.strictSame(proxyAuthorization(new URL('http://proxy')), {})
  t.end()
})

test('a failure on the way to the proxy names no host, and keeps its cause', t => {
  const withCode = (code: string) => Object.assign(new Error('canary'), { code })
  for (const [code, Type, message] of [
    ['ECONNREFUSED', ServiceUnavailable, 'the proxy cannot be reached: connection refused'],
    ['ENOTFOUND', ServiceUnavailable, 'the proxy cannot be reached: host not found'],
    ['ECONNRESET', ServiceUnavailable, 'the proxy closed the connection'],
    ['CANARY', ServiceUnavailable, 'the proxy failed'],
    ['HPE_INVALID_CONSTANT', ServiceReturnedUnexpectedResult, 'the answer of the proxy is not valid HTTP'],
  ] as const) {
    const cause = withCode(code)
    t.match(proxyFailure(cause), { constructor: Type, message, cause })
  }
  const known = new HealthCheckError('known')
  t.equal(proxyFailure(known), known)
  t.match(refusedByProxy(407), { constructor: ServiceUnavailable, message: 'the proxy answered 407' })
  t.notOk(isMalformed('HPE_'))
  t.end()
})
