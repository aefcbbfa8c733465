import { BufferReader, Parser } from 'pickleparser'

/** The report of a Django-Q cluster about itself (django_q/status.py). */
export interface Stat {
  readonly host: string
  /** The status is `Starting`, `Idle`, `Working`, `Stopping` or `Stopped`, in every language of Django. */
  readonly status: string
}

/**
 * Reads the pickle of a stat. Names in the pickle are never looked up or called. A class or function of Python becomes an inert object that
 * holds its state, and a translated text becomes its English original.
 *
 * @throws an error if the bytes are no pickle of an object with the texts `host` and `status`.
 */
export function readStat (pickle: Uint8Array): Stat {
  const object = parser.read(new StatReader(pickle))
  const state = object instanceof Inert ? object.state : undefined
  if (!(state instanceof Map)) throw new TypeError('The pickle is not of an object.')
  const [host, status] = [state.get('host'), state.get('status')]
  if (typeof host !== 'string' || typeof status !== 'string') throw new TypeError('The object has no texts `host` and `status`.')
  return { host, status }
}

class Inert {
  state: unknown
  __setstate__ (state: unknown): void { this.state = state }
}

// The parser calls some names and constructs others. A function that returns an object works in both cases.
function inert (): Inert { return new Inert() }

// The pickle of a lazy translation of Django holds the function and its arguments.
function lazyText (_translate: unknown, texts: readonly unknown[]): unknown { return texts[0] }

const parser = new Parser({
  unpicklingTypeOfDictionary: 'Map',
  nameResolver: {
    resolve: (module, name) => module === 'django.utils.functional' && name === '_lazy_proxy_unpickle' ? lazyText : inert,
  },
})

const LONG1 = 0x8a
/** A longer integer would not fit in a JavaScript number. */
const longestInteger = 6

/** Reads long integers as 0. The parser refuses integers of more than 8 bytes, such as the UUID in every stat, but none is needed. */
class StatReader extends BufferReader {
  readonly #read: number[] = []

  override byte (): number {
    const value = super.byte()
    this.#read.push(value)
    return value
  }

  override bytes (length: number): Uint8Array {
    const bytes = super.bytes(length) as Uint8Array
    const [opcode, announced] = this.#read.splice(0).slice(-2)
    return opcode === LONG1 && announced === length && length > longestInteger ? bytes.subarray(0, 0) : bytes
  }
}
