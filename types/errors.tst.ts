import { describe, expect, test } from 'tstyche'
import { FST_HEALTH_USAGE, type CodedError } from '../lib/errors.js'

describe('errors with a code', () => {
  test('are made of what fills in their message, and are told by their class', () => {
    expect(FST_HEALTH_USAGE).type.toBeConstructableWith('Name the subset to ask.')
    expect(FST_HEALTH_USAGE).type.not.toBeConstructableWith({})
    const error: unknown = new FST_HEALTH_USAGE('Name the subset to ask.')
    if (!(error instanceof FST_HEALTH_USAGE)) return
    expect(error).type.toBe<CodedError>()
    expect(error.code).type.toBe<string>()
    expect(error.statusCode).type.toBe<number | undefined>()
    expect<Error>().type.toBeAssignableFrom(error)
  })
})
