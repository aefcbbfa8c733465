import { inspect } from 'node:util'
import fc from 'fast-check'
import { revoked } from './unreadable.js'

/** A value that no configuration should hold, made anew for each use. */
export interface Hostile {
  readonly what: string
  readonly make: () => unknown
}

const controls = fc.constantFrom('\0', '\u0007', '\b', '\t', '\n', '\r', '\u001b', '\u007f', '\u0085', '\u009b', '\r\nforged')
const sequence = fc.constantFrom('\u001b[31m', '\u001b]0;forged\u0007', '\u009b2J', '\r\nE001 forged', '\u2028', '\ud800', '%s%o', '$&')
const length = fc.constantFrom(1000, 100_000, 1_000_000)

/** Texts of every kind: names that objects inherit, control characters, escape sequences, addresses, and very long ones. */
export const hostileText = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 4, arbitrary: fc.array(fc.oneof(controls, sequence, fc.string({ maxLength: 5 })), { minLength: 1, maxLength: 5 }).map(parts => parts.join('')) },
  { weight: 2, arbitrary: fc.constantFrom('', ' ', '__proto__', 'constructor', 'toString', 'prototype', '0', '-1', '1e3', '0x10', 'NaN', 'true', 'null', '/', '//', '/a/..', '/%zz', '/*', '/:x', '.', '..', '#', 'http://u:pw@h:1/p?q#f', '://') },
  { weight: 1, arbitrary: fc.tuple(length, fc.oneof(controls, fc.constantFrom('a', '/', '/a', ' ', 'a@', ':', '%', '\ud83d'))).map(([count, text]) => text.repeat(count / text.length)) }
)

const number = fc.oneof(fc.constantFrom(NaN, -0, 0, 1, -1, 0.5, Infinity, -Infinity, 2 ** 31, 2 ** 31 - 1, 2 ** 53, Number.MAX_VALUE, Number.MIN_VALUE, 404, 503), fc.double(), fc.integer())

const anything = fc.anything({ withBigInt: true, withBoxedValues: true, withDate: true, withMap: true, withNullPrototype: true, withObjectString: true, withSet: true, withSparseArray: true, withTypedArray: true })

class Boom {
  get message (): never { throw new Error('the message of an error threw') }
  toString (): never { throw new Error('toString threw') }
}

class Unreadable extends Error {
  override get message (): never { throw new Error('the message of an error threw') }
}

/** What may be thrown: not all of it is an error, and not all of it can be read. */
const thrown: ReadonlyArray<Hostile> = [
  { what: 'an error', make: () => new Error('not now') },
  { what: 'an error with escape sequences', make: () => new Error('\u001b[31mred\u0007\r\nE001 forged') },
  { what: 'a long error', make: () => new Error('long '.repeat(100_000)) },
  { what: 'undefined', make: () => undefined },
  { what: 'a text', make: () => '\u001b]0;forged\u0007' },
  { what: 'an error that cannot be read', make: () => new Unreadable() },
  { what: 'an error without a text', make: () => Object.defineProperty(new Error(), 'message', { value: Symbol('none') }) },
  { what: 'an aggregate of nothing', make: () => new AggregateError([]) },
  { what: 'an object that has no text', make: () => new Boom() },
  { what: 'a revoked proxy', make: () => revoked({}) },
]

const traps = ['apply', 'construct', 'defineProperty', 'deleteProperty', 'get', 'getOwnPropertyDescriptor', 'getPrototypeOf', 'has', 'isExtensible', 'ownKeys', 'preventExtensions', 'set', 'setPrototypeOf'] as const

/** A proxy whose traps of those names throw. */
function trapped (target: object, names: readonly string[], what: Hostile): unknown {
  return new Proxy(target, Object.fromEntries(names.map(name => [name, () => { throw what.make() }])))
}

const targets: ReadonlyArray<Hostile> = [
  { what: 'an object', make: () => ({ name: 'x', url: 'y' }) },
  { what: 'a list', make: () => ['x'] },
  { what: 'a function', make: () => () => {} },
  { what: 'a date', make: () => new Date(0) },
]

const failure = fc.constantFrom(...thrown)

const proxy: fc.Arbitrary<Hostile> = fc.oneof(
  fc.constantFrom(...targets).map(({ what, make }) => ({ what: `a revoked proxy of ${what}`, make: () => revoked(make() as object) })),
  fc.tuple(fc.constantFrom(...targets), fc.oneof(fc.constant([...traps]), fc.subarray([...traps], { minLength: 1, maxLength: 3 })), failure)
    .map(([{ what, make }, names, error]) => ({ what: `a proxy of ${what} that throws ${error.what} at ${names.join()}`, make: () => trapped(make() as object, names, error) }))
)

const func: fc.Arbitrary<Hostile> = fc.oneof(
  failure.map(({ what, make }) => ({ what: `a function that throws ${what}`, make: () => () => { throw make() } })),
  failure.map(({ what, make }) => ({ what: `a function that rejects with ${what}`, make: () => async () => { throw make() } })),
  fc.constantFrom<Hostile>(
    { what: 'a function that returns nothing', make: () => () => {} },
    { what: 'a class', make: () => class A {} },
    { what: 'a function without a prototype', make: () => Object.setPrototypeOf(() => {}, null) },
    { what: 'a generator', make: () => function * () {} }
  )
)

const instance = fc.constantFrom<Hostile>(
  { what: 'an object without a text', make: () => new Boom() },
  { what: 'an object that hides its content', make: () => ({ [inspect.custom]: () => { throw new Error('inspect threw') }, toJSON () { throw new Error('toJSON threw') } }) },
  { what: 'a map with odd keys', make: () => new Map<unknown, unknown>([[Symbol('s'), 1], [Object.create(null), 'text'], [revoked({}), revoked([])]]) },
  { what: 'a map that cannot be walked', make: () => Object.assign(new Map(), { [Symbol.iterator]: () => { throw new Error('iterator threw') } }) },
  { what: 'a symbol with an escape sequence', make: () => Symbol('\u001b[31m') },
  { what: 'headers', make: () => new Headers({ authorization: 'secret' }) },
  { what: 'a URL', make: () => new URL('redis://user:secret@localhost/') },
  { what: 'a URL that is none', make: () => Object.create(URL.prototype) },
  { what: 'an invalid date', make: () => new Date(NaN) },
  { what: 'bytes', make: () => new Uint8Array(3) },
  { what: 'a regular expression', make: () => /(a+)+$/g },
  { what: 'a promise', make: () => Promise.resolve({}) },
  { what: 'a sparse list', make: () => Object.assign([], { length: 3, 2: 'x' }) },
  { what: 'a long list', make: () => Array.from({ length: 200 }, (_, index) => `${index}`) },
  { what: 'arguments', make: () => (function () { return arguments })() }
)

/** An object with the names that an option may know, one of which cannot be read or goes round in a circle. */
function nested (names: readonly string[], inner: fc.Arbitrary<Hostile>): fc.Arbitrary<Hostile> {
  const name = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('__proto__', 'constructor', ...names) }, { weight: 1, arbitrary: hostileText })
  return fc.oneof(
    fc.tuple(name, failure).map(([name, { what, make }]) => ({
      what: `an object whose ${name.slice(0, 20)} throws ${what}`,
      make: () => Object.defineProperty({}, name, { enumerable: true, get () { throw make() } }),
    })),
    fc.tuple(fc.array(fc.tuple(name, inner), { maxLength: 3 }), fc.boolean()).map(([members, bare]) => ({
      what: `an object of ${members.map(([name, { what }]) => `${name.slice(0, 20)}: ${what}`).join()}`,
      make: () => members.reduce((made, [name, { make }]) => Object.defineProperty(made, name, { value: make(), enumerable: true, writable: true, configurable: true }), bare ? Object.create(null) : {}),
    })),
    fc.array(inner, { maxLength: 3 }).map(items => ({ what: `a list of ${items.map(({ what }) => what).join()}`, make: () => items.map(({ make }) => make()) })),
    name.map(name => ({
      what: `an object that holds itself as ${name.slice(0, 20)}`,
      make: () => {
        const made = {}
        return Object.defineProperty(made, name, { value: made, enumerable: true, configurable: true, writable: true })
      },
    })),
    fc.constant<Hostile>({
      what: 'a list that holds itself',
      make: () => {
        const made: unknown[] = []
        made.push(made)
        return made
      },
    })
  )
}

function shownBriefly (value: unknown): string {
  return inspect(value, { maxStringLength: 50, depth: 5, showProxy: true })
}

/** Values that do not fit, whatever is asked for. Objects among them use the given names, to get further. */
export function hostile (names: readonly string[] = []): fc.Arbitrary<Hostile> {
  const plain = fc.oneof({ weight: 3, arbitrary: anything }, { weight: 3, arbitrary: hostileText }, { weight: 2, arbitrary: number }, { weight: 1, arbitrary: fc.constantFrom<unknown>(null, true, false, 1n, Symbol('s'), Symbol.for('s')) })
    .map(value => ({ what: shownBriefly(value), make: () => value }))
  const flat = fc.oneof({ weight: 3, arbitrary: plain }, proxy, func, instance)
  return fc.oneof({ weight: 3, arbitrary: flat }, { weight: 2, arbitrary: nested(names, flat) })
}
