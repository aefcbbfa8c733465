import { test } from 'tap'
import { negotiate, supportedTypes } from '../../lib/http/negotiate.js'

const byAccept = (accept?: string) => negotiate(undefined, accept === undefined ? {} : { accept })?.name
const byFormat = (format: unknown, accept?: string) => negotiate(format, accept === undefined ? {} : { accept })?.name

test('who has no preference gets HTML', async t => {
  for (const accept of [undefined, '*/*', '*/*;q=0.1', 'text/*', 'text/*, application/json;q=0.9', '']) t.equal(byAccept(accept), 'html', String(accept))
})

test('each media type gets its format', async t => {
  t.equal(byAccept('text/html'), 'html')
  t.equal(byAccept('application/json'), 'json')
  t.equal(byAccept('text/plain'), 'plain')
  t.equal(byAccept('application/health+json'), 'health+json')
  t.equal(byAccept('application/openmetrics-text'), 'openmetrics')
  t.equal(byAccept('Application/JSON'), 'json', 'whatever its case')
})

test('the highest q wins, and the order of the header where they are equal', async t => {
  t.equal(byAccept('text/plain;q=0.5, application/json;q=0.9'), 'json')
  t.equal(byAccept('text/plain, application/json'), 'plain')
  t.equal(byAccept('application/json, text/plain'), 'json')
  t.equal(byAccept('application/json;q=0.8, text/plain;q=0.8, text/html;q=0.3'), 'json')
  t.equal(byAccept('application/json, */*'), 'json')
  t.equal(byAccept('*/*, application/json'), 'html')
  t.equal(byAccept('*/*, text/*'), 'html')
  t.equal(byAccept('application/xhtml+xml'), 'html')
  t.equal(byAccept('application/xhtml+xml;q=0.5, application/json'), 'json')
  t.equal(byAccept('image/png, application/*;q=0.5'), 'json')
  t.equal(byAccept('text/plain;q=0.200, application/json;q=.4'), 'json', 'Java writes .4')
  t.equal(byAccept('application/json;q=0.2, application/json;q=0.9, text/plain;q=0.5'), 'json', 'said twice, the higher one counts')
})

test('a type of its own says more than a range', async t => {
  t.equal(byAccept('*/*, text/html;q=0.1'), 'json')
  t.equal(byAccept('text/*, text/html;q=0'), 'plain')
  t.equal(byAccept('text/*;q=0.3, */*;q=0.1, text/plain;q=0.2'), 'html')
})

test('q=0 refuses, and who refuses everything gets nothing', async t => {
  t.equal(byAccept('text/html;q=0, text/plain'), 'plain')
  t.equal(byAccept('text/html;q=0, */*'), 'json')
  t.equal(byAccept('*/*;q=0'), undefined)
  t.equal(byAccept('*/*;q=0.000'), undefined)
  t.equal(byAccept('text/html;q=0'), undefined)
  t.equal(byAccept('image/png'), undefined)
  t.equal(byAccept('image/*, application/xml'), undefined)
})

test('parameters of a media type make no difference', async t => {
  t.equal(byAccept('application/json; charset=utf-8'), 'json')
  t.equal(byAccept('text/plain;version=0.0.4'), 'plain')
  t.equal(byAccept('application/json;profile="a b";q=0.4, text/plain;q=0.3'), 'json')
  t.equal(byAccept('text/plain ; Q = 0.9 , application/json;q=0.8'), 'plain')
  t.equal(byAccept('text/plain;charset="a;b"'), 'plain', 'a semicolon in quotes')
  t.equal(byAccept('text/plain;charset="a,b", application/json;q=0.1'), 'plain', 'a comma in quotes')
  t.equal(byAccept('application/json;v="\\""'), 'json', 'an escaped quote in quotes')
  t.equal(byAccept('text/html;v="\\";q=0.1, ";q=0.2, text/plain;q=0.1'), 'html', 'an escaped quote does not end what is quoted')
})

test('Prometheus, browsers and Java get what suits them', async t => {
  t.equal(byAccept('application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'), 'openmetrics')
  t.equal(byAccept('text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'), 'html')
  t.equal(byAccept('text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2'), 'html')
})

test('a header that cannot be parsed counts as */*', async t => {
  for (const accept of ['json', '/', 'text/', '/html', ',,,', ';q=1', 'text/html/xml', 'a b/c', 'application/json;q=high', 'application/json;q=2', 'application/json;q=', 'application/json;q=-1', 'application/json;=x', 'application/json;charset', '\u00fc/json']) {
    t.equal(byAccept(accept), 'html', accept)
  }
})

test('a part that cannot be parsed takes nothing away from the others', async t => {
  t.equal(byAccept('json, text/plain'), 'plain')
  t.equal(byAccept('text/html;q=much, application/json;q=0.1'), 'json')
  t.equal(byAccept('application/json;, text/plain;q=0.5'), 'json', 'an empty parameter is none')
  t.equal(byAccept('application/json;charset="a, text/plain'), 'plain', 'a quote that does not end')
})

test('a long and hostile header takes no time', async t => {
  const started = performance.now()
  for (const part of ['a/a;', '"\\', '*/*;q=0.9,', ';', ' ', 'a/b;c="', '"', ',', 'a/b; c =', '.5']) byAccept(part.repeat(16_384 / part.length))
  byAccept(`${['text/html', 'application/json', 'text/plain', 'application/health+json', 'application/openmetrics-text'].map(type => `${type};q=0`).join()},${'*/*,'.repeat(4000)}`)
  for (let time = 0; time < 10; time++) byAccept(`text/html;q=${'1'.repeat(16_000)}x`)
  t.ok(performance.now() - started < 1000)
})

test('?format= wins over the header', async t => {
  for (const name of ['html', 'json', 'plain', 'health+json', 'openmetrics']) t.equal(byFormat(name, 'text/plain, */*'), name)
  t.equal(byFormat('json', 'image/png'), 'json')
})

test('given twice, the first ?format= counts', async t => {
  t.equal(byFormat(['json', 'html']), 'json')
  t.equal(byFormat(['xml', 'json']), undefined)
})

test('a ?format= that does not exist is not acceptable, whatever the header says', async t => {
  for (const format of ['xml', '', 'JSON', 'constructor', '__proto__', 'toString', {}, Object.create(null), [['json']]]) {
    t.equal(byFormat(format, '*/*'), undefined)
  }
})

test('what is supported can be told', async t => {
  t.equal(supportedTypes, 'text/html, application/json, text/plain, application/health+json, application/openmetrics-text')
})
