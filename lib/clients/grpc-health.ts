// The messages of grpc.health.v1 are so small that they need no library for Protocol Buffers:
// https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto
// https://protobuf.dev/programming-guides/encoding/

export const servingStatus = { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const

export type ServingStatus = typeof servingStatus[keyof typeof servingStatus]

export interface HealthCheckRequest {
  readonly service: string
}

export interface HealthCheckResponse {
  readonly status: number
}

export interface HealthListResponse {
  readonly statuses: Readonly<Record<string, HealthCheckResponse>>
}

const varint = 0
const fixed64 = 1
const delimited = 2
const fixed32 = 5

export function encodeRequest ({ service }: HealthCheckRequest): Buffer {
  return service === '' ? Buffer.alloc(0) : field(1, Buffer.from(service))
}

/** @throws Error if the bytes are no message of Protocol Buffers. */
export function decodeRequest (bytes: Uint8Array): HealthCheckRequest {
  let service = ''
  for (const { number, value } of fieldsOf(bytes)) if (number === 1 && typeof value !== 'number') service = Buffer.from(value).toString()
  return { service }
}

export function encodeResponse ({ status }: HealthCheckResponse): Buffer {
  return status === 0 ? Buffer.alloc(0) : Buffer.from([tag(1, varint), status])
}

/** @throws Error if the bytes are no message of Protocol Buffers. */
export function decodeResponse (bytes: Uint8Array): HealthCheckResponse {
  let status = 0
  for (const { number, value } of fieldsOf(bytes)) if (number === 1 && typeof value === 'number') status = value
  return { status }
}

export function encodeListResponse ({ statuses }: HealthListResponse): Buffer {
  return Buffer.concat(Object.entries(statuses).map(([name, response]) => {
    return field(1, Buffer.concat([field(1, Buffer.from(name)), field(2, encodeResponse(response))]))
  }))
}

/** @throws Error if the bytes are no message of Protocol Buffers. */
export function decodeListResponse (bytes: Uint8Array): HealthListResponse {
  const entries = [...fieldsOf(bytes)].flatMap(({ number, value }) => number === 1 && typeof value !== 'number' ? [entryOf(value)] : [])
  return { statuses: Object.fromEntries(entries) }
}

function entryOf (bytes: Uint8Array): [name: string, response: HealthCheckResponse] {
  let name = ''
  let response: HealthCheckResponse = { status: 0 }
  for (const { number, value } of fieldsOf(bytes)) {
    if (typeof value === 'number') continue
    if (number === 1) name = Buffer.from(value).toString()
    if (number === 2) response = decodeResponse(value)
  }
  return [name, response]
}

const tag = (number: number, type: number) => (number << 3) | type

function field (number: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag(number, delimited)]), encodeVarint(content.length), content])
}

function encodeVarint (value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  return Buffer.from([...bytes, rest])
}

interface Field {
  readonly number: number
  readonly value: number | Uint8Array
}

/** Yields the fields of a message, including fields of later versions of the protocol. */
function * fieldsOf (bytes: Uint8Array): Generator<Field> {
  let at = 0
  const take = (length: number) => {
    if (at + length > bytes.length) throw new Error('the message ends in the middle of a field')
    at += length
    return bytes.subarray(at - length, at)
  }
  const takeVarint = () => {
    let value = 0
    let factor = 1
    let byte: number
    do {
      byte = take(1)[0] as number
      value += (byte & 0x7f) * factor
      factor *= 0x80
    } while (byte >= 0x80)
    return value
  }
  while (at < bytes.length) {
    const key = takeVarint()
    const number = Math.floor(key / 8)
    switch (key % 8) {
      case varint: yield { number, value: takeVarint() }; break
      case fixed64: yield { number, value: take(8) }; break
      case delimited: yield { number, value: take(takeVarint()) }; break
      case fixed32: yield { number, value: take(4) }; break
      default: throw new Error('the message has a field of an unknown type')
    }
  }
}
