import { BufferReader, Parser } from 'pickleparser'

/** What a Django-Q cluster says of itself (django_q/status.py). */
export interface Stat {
  readonly host: string
  /** `Starting`, `Idle`, `Working`, `Stopping` or `Stopped`, whatever language Django speaks. */
  readonly status: string
}

/**
 * Reads the pickle of a stat. Nothing that it names is ever looked up, made or called: a class or function of Python becomes an
 * inert object that holds its state, a translated text its English original.
 *
 * @throws where it is no pickle, or not one of an object with the texts `host` and `status`
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

// The parser calls some names and constructs others; a function that returns an object serves both.
function inert (): Inert { return new Inert() }

// What Django's lazy translations are pickled as: the function, its arguments, …
function lazyText (_translate: unknown, texts: readonly unknown[]): unknown { return texts[0] }

const parser = new Parser({
  unpicklingTypeOfDictionary: 'Map',
  nameResolver: {
    resolve: (module, name) => module === 'django.utils.functional' && name === '_lazy_proxy_unpickle' ? lazyText : inert,
  },
})

const LONG1 = 0x8a
/** More would not fit in a JavaScript number. */
const longestInteger = 6

/** The parser refuses integers of more than 8 bytes, such as the UUID in every stat. None of them is needed: they read as 0. */
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
