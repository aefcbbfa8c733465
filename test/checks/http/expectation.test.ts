import { test } from 'tap'
import { bodyMismatch, encodingMismatch, headersMismatch, isExpectation, needsBody, statusMismatch, type HttpExpectation } from '../../../lib/checks/http/expectation.js'

const mib = 1024 ** 2

function inBody (expect: HttpExpectation, text: string, complete = true): string | undefined {
  return bodyMismatch(expect, { bytes: Buffer.from(text), complete }, mib)
}

test('a status from 200 to 299 is expected unless another one is', async t => {
  t.equal(statusMismatch({}, 200), undefined)
  t.equal(statusMismatch({}, 299), undefined)
  t.equal(statusMismatch({}, 199), 'answered 199')
  t.equal(statusMismatch({}, 302), 'answered 302')
})

test('a status may be one, a list, or a range with both its ends', async t => {
  t.equal(statusMismatch({ status: 418 }, 418), undefined)
  t.equal(statusMismatch({ status: 418 }, 200), 'answered 200')
  t.equal(statusMismatch({ status: [200, 503] }, 503), undefined)
  t.equal(statusMismatch({ status: [200, 503] }, 201), 'answered 201')
  t.equal(statusMismatch({ status: { from: 400, to: 404 } }, 400), undefined)
  t.equal(statusMismatch({ status: { from: 400, to: 404 } }, 404), undefined)
  t.equal(statusMismatch({ status: { from: 400, to: 404 } }, 405), 'answered 405')
})

test('headers are found whatever their case, and hold a text or match a pattern', async t => {
  const answered = { 'content-type': 'text/html; charset=utf-8', 'set-cookie': ['a=1', 'b=2'] }
  t.equal(headersMismatch({}, answered), undefined)
  t.equal(headersMismatch({ headers: { 'Content-Type': 'text/html', 'set-cookie': /b=\d/ } }, answered), undefined)
  t.equal(headersMismatch({ headers: { 'content-type': 'json' } }, answered), "the header 'content-type' does not contain 'json'")
  t.equal(headersMismatch({ headers: { 'content-type': /^json/ } }, answered), "the header 'content-type' does not match /^json/")
  t.equal(headersMismatch({ headers: { 'x-version': '1' } }, answered), "the header 'x-version' is missing")
  t.equal(headersMismatch({ headers: { constructor: /./ } }, answered), "the header 'constructor' is missing", 'though every object inherits one')
})

test('a body holds a text or matches a pattern', async t => {
  t.equal(inBody({ body: 'geht es gut, Jörg' }, 'hier geht es gut, Jörg!'), undefined)
  t.equal(inBody({ body: /^ok$/ }, 'ok'), undefined)
  t.equal(inBody({ body: 'ok' }, 'no'), "the body does not contain 'ok'")
  t.equal(inBody({ body: /^ok$/ }, 'okay'), 'the body does not match /^ok$/')
  t.equal(inBody({ body: 'ok' }, 'no', false), "the body does not contain 'ok' in its first 1048576 bytes")
  t.equal(inBody({ body: 'ok' }, 'ok', false), undefined)
})

test('a global pattern matches every time, not every other time', async t => {
  const expect = { body: /ok/g }
  t.equal(inBody(expect, 'ok'), undefined)
  t.equal(inBody(expect, 'ok'), undefined)
})

test('a JSON body may hold more than is expected of it', async t => {
  const body = JSON.stringify({ status: 'ok', db: { up: true, pool: [1, { size: 2, idle: 0 }] }, extra: null })
  t.equal(inBody({ json: {} }, body), undefined)
  t.equal(inBody({ json: { status: 'ok', extra: null } }, body), undefined)
  t.equal(inBody({ json: { db: { pool: [1, { size: 2 }] } } }, body), undefined)
  t.equal(inBody({ json: 'ok' }, '"ok"'), undefined)
  t.equal(inBody({ json: null }, 'null'), undefined)
})

test('what a JSON body lacks is named with its path', async t => {
  const body = JSON.stringify({ status: 'down', db: { up: true, pool: [1, 2] } })
  t.equal(inBody({ json: { status: 'ok' } }, body), "'status' of the JSON is not 'ok'")
  t.equal(inBody({ json: { db: { up: 1 } } }, body), "'db.up' of the JSON is not 1")
  t.equal(inBody({ json: { db: { down: true } } }, body), "'db.down' of the JSON is missing")
  t.equal(inBody({ json: { status: { code: 1 } } }, body), "'status' of the JSON is not an object")
  t.equal(inBody({ json: { db: { pool: [1] } } }, body), "'db.pool' of the JSON is not a list of 1")
  t.equal(inBody({ json: { db: { pool: [1, 3] } } }, body), "'db.pool.1' of the JSON is not 3")
  t.equal(inBody({ json: { db: [] } }, body), "'db' of the JSON is not a list of 0")
  t.equal(inBody({ json: [] }, body), 'the JSON is not a list of 0')
  t.equal(inBody({ json: { up: true } }, '[]'), 'the JSON is not an object')
  t.equal(inBody({ json: false }, '0'), 'the JSON is not false')
})

test('a name that every object inherits is missing where the JSON does not hold it', async t => {
  t.equal(inBody({ json: { constructor: {} } }, '{}'), "'constructor' of the JSON is missing")
})

test('a byte order mark at the beginning of a body is no part of it', async t => {
  t.equal(inBody({ body: /^{/, json: { up: true } }, '\ufeff{"up":true}'), undefined)
})

test('an encoding is named where it is one that is known', async t => {
  for (const headers of [{}, { 'content-encoding': 'identity' }, { 'content-encoding': ' Identity' }]) t.equal(encodingMismatch(headers), undefined)
  t.equal(encodingMismatch({ 'content-encoding': 'BR' }), 'the body is encoded as br: expect only a status and headers of it')
  t.equal(encodingMismatch({ 'content-encoding': 'canary' }), 'the body is encoded: expect only a status and headers of it')
})

test('what is no JSON, or only the beginning of it, is told', async t => {
  t.equal(inBody({ json: {} }, '<html>'), 'the body is not JSON')
  t.equal(inBody({ json: {} }, '{', false), 'the body is longer than 1048576 bytes')
})

test('the text must fit before the JSON is looked at', async t => {
  t.equal(inBody({ body: 'up', json: { up: false } }, '{"up":true}'), "'up' of the JSON is not false")
  t.equal(inBody({ body: 'down', json: { up: false } }, '{"up":true}'), "the body does not contain 'down'")
})

test('what was expected is shown in short, on one line, and never a URL', async t => {
  t.equal(inBody({ body: 'a\nb' }, ''), "the body does not contain 'a\\nb'")
  t.equal(inBody({ body: 'x'.repeat(200) }, ''), `the body does not contain '${'x'.repeat(79)}…`)
  t.equal(inBody({ body: 'https://user:pw@db' }, ''), 'the body does not contain what is expected')
  t.equal(inBody({ body: /https:\/\/user:pw@db/ }, ''), 'the body does not match what is expected')
})

test('only what is expected of the body makes it be read', async t => {
  t.notOk(needsBody({ status: 200, headers: { etag: /./ } }))
  t.ok(needsBody({ body: 'ok' }))
  t.ok(needsBody({ json: null }))
})

test('an expectation is an object of what may be expected, and nothing else', async t => {
  const good: unknown[] = [
    {}, { status: 200 }, { status: [200, 599] }, { status: { from: 200, to: 200 } }, { status: undefined },
    { headers: { etag: 'x', server: /nginx/ } }, { body: 'ok' }, { body: /ok/ }, { json: null }, { json: [1, { a: 'b' }] },
  ]
  for (const expect of good) t.ok(isExpectation(expect), JSON.stringify(expect))
  const bad: unknown[] = [
    null, [], 'ok', 200, /ok/, { state: 200 }, { constructor: 1 }, { status: '200' }, { status: 199 }, { status: 600 }, { status: 200.5 }, { status: [] }, { status: [200, '204'] },
    { status: { from: 200 } }, { status: { from: 300, to: 200 } }, { status: { from: 200, to: 600 } }, { status: { from: 199, to: 200 } },
    { status: { from: 200, to: 299, step: 1 } }, { headers: { etag: 1 } }, { headers: { etag: '' } }, { headers: [] }, { body: '' }, { body: 1 }, { body: null },
  ]
  for (const expect of bad) t.notOk(isExpectation(expect), JSON.stringify(expect))
})
