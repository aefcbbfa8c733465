import { test } from 'tap'
import { decodeListResponse, decodeRequest, decodeResponse, encodeListResponse, encodeRequest, encodeResponse } from '../../lib/clients/grpc-health.js'

test('messages are written as the protocol has them, and read back', async t => {
  t.equal(encodeRequest({ service: 'readiness' }).toString('hex'), '0a09' + Buffer.from('readiness').toString('hex'))
  t.equal(encodeRequest({ service: '' }).length, 0)
  t.equal(encodeResponse({ status: 1 }).toString('hex'), '0801')
  t.equal(encodeResponse({ status: 0 }).length, 0)
  for (const service of ['', 'readiness', 'ü'.repeat(100)]) t.strictSame(decodeRequest(encodeRequest({ service })), { service })
  for (const status of [0, 1, 2, 3]) t.strictSame(decodeResponse(encodeResponse({ status })), { status })
  const statuses = { '': { status: 2 }, readiness: { status: 1 }, unknown: { status: 0 } }
  t.strictSame(decodeListResponse(encodeListResponse({ statuses })), { statuses })
  t.strictSame(decodeListResponse(Buffer.alloc(0)), { statuses: {} })
})

test('fields of a later version are passed over, in whatever form they come', async t => {
  // 2: a varint of two bytes; 3: eight bytes; 4: a text; 5: four bytes; 1: of another type; then the one that counts.
  const others = '10ac02' + '19' + '00'.repeat(8) + '220161' + '2d' + '00'.repeat(4)
  t.strictSame(decodeRequest(Buffer.from(`${others}08010a0161`, 'hex')), { service: 'a' })
  t.strictSame(decodeResponse(Buffer.from(`${others}0a01610802`, 'hex')), { status: 2 })
  t.strictSame(decodeListResponse(Buffer.from(`${others}0801`, 'hex')), { statuses: {} })
  t.strictSame(decodeListResponse(Buffer.from('0a0b' + '0a0161' + '12020801' + '1802' + '1a00', 'hex')), { statuses: { a: { status: 1 } } })
  t.strictSame(decodeResponse(Buffer.from('08ac02', 'hex')), { status: 300 })
})

test('what is no message is refused', async t => {
  for (const hex of ['0a', '0a05616263', '08', '0880', '19000000', '2d00']) {
    t.throws(() => decodeRequest(Buffer.from(hex, 'hex')), { message: 'the message ends in the middle of a field' }, hex)
  }
  t.throws(() => decodeRequest(Buffer.from('0b', 'hex')), { message: 'the message has a field of an unknown type' })
})
