import { ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { wordsFor } from './driver-errors.js'
import { connectivity, type GRPCError } from './grpc-client.js'

// https://grpc.io/docs/guides/status-codes/
const statusNames = [
  'OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS', 'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS',
  'UNAUTHENTICATED',
] as const

/** Returns an error that says in plain words why a call failed. */
export function explained (error: GRPCError, state: number): Error {
  const { code, details } = error
  const name = statusNames[code]
  // A proxy in front of the server may answer in plain HTTP.
  const [, httpStatus] = /^Received HTTP status code (\d+)/.exec(details) ?? []
  if (httpStatus !== undefined) return new ServiceReturnedUnexpectedResult(`answered ${httpStatus}, and not in gRPC`, { cause: error })
  if (name === undefined || /^No message received|without gRPC status/.test(details)) return notGRPC(error)
  if (details.startsWith('Received message larger than max')) {
    return new ServiceReturnedUnexpectedResult('the answer is too long', { cause: error })
  }
  switch (name) {
    case 'DEADLINE_EXCEEDED': return new ServiceUnavailable('timed out', { cause: error })
    case 'NOT_FOUND': return new ServiceReturnedUnexpectedResult('the server knows no such service', { cause: error })
    case 'PERMISSION_DENIED': return new ServiceUnavailable('permission denied', { cause: error })
    case 'UNAUTHENTICATED': return new ServiceUnavailable('authentication failed', { cause: error })
    case 'UNIMPLEMENTED': return new ServiceReturnedUnexpectedResult('the server has no health service', { cause: error })
    case 'UNAVAILABLE':
    case 'INTERNAL':
    case 'UNKNOWN':
      if (state === connectivity.SHUTDOWN) return new ServiceUnavailable('client is closed', { cause: error })
      if (state !== connectivity.READY || details === 'Connection dropped') return unconnected(error)
  }
  return new ServiceUnavailable(`answered ${name}`, { cause: error })
}

// If the connection fails before the call, @grpc/grpc-js keeps only the text of the error.
function unconnected (error: GRPCError): Error {
  const { details } = error
  if (/Protocol error|HTTP_1_1_REQUIRED/.test(details)) return notGRPC(error)
  const words = wordsFor(error) ?? wordsByDetails.find(([pattern]) => pattern.test(details))?.[1] ?? 'connection lost'
  return new ServiceUnavailable(words, { cause: error })
}

const wordsByDetails: ReadonlyArray<readonly [pattern: RegExp, words: string]> = [
  [/^Name resolution failed/, 'host not found'],
  [/certificate|altname/i, 'certificate not trusted'],
  [/\bSSL\b/, 'TLS handshake failed'],
]

export function notGRPC (cause: unknown): Error {
  return new ServiceUnavailable('what answers does not speak gRPC', { cause })
}
