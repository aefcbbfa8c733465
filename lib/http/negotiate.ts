import type { IncomingHttpHeaders } from 'node:http'
import { renderers } from '../renderers/index.js'
import type { Renderer } from '../../types/renderer.js'

// In a query, a + that is not escaped is a space.
const byName = new Map<unknown, Renderer>(renderers.flatMap(renderer => [renderer.name, renderer.name.replace('+', ' ')].map(name => [name, renderer])))

/** What to say to a client that takes none of the formats. */
export const supportedTypes = renderers.map(({ mediaType }) => mediaType).join(', ')

/**
 * The format that a request asks for: `?format=`, else the `Accept` header's highest q, and the header's order where they are equal.
 * `undefined` where there is none such.
 */
export function negotiate (format: unknown, { accept }: Pick<IncomingHttpHeaders, 'accept'>): Renderer | undefined {
  const wanted: unknown = Array.isArray(format) ? format[0] : format
  if (wanted !== undefined) return byName.get(wanted === 'text' ? 'plain' : wanted)
  if (accept === undefined || accept === '*/*') return renderers[0]
  const ranges = split(accept, ',').flatMap(toRange)
  // Nothing of it can be understood.
  if (ranges.length === 0) return renderers[0]
  return mostWanted(ranges)
}

/** One item of an `Accept` header. Parameters other than q are left out: no format comes in two versions. */
interface Range {
  /** Such as `text/html`, or `text/*`. */
  readonly type: string
  readonly q: number
  readonly position: number
}

/** The parts between separators. A separator in quotes separates nothing; a quote that does not end quotes nothing. */
function split (text: string, separator: string): string[] {
  const parts: string[] = []
  let start = 0
  let mayQuote = true
  for (let index = 0; index < text.length; index++) {
    if (text[index] === separator) {
      parts.push(text.slice(start, index))
      start = index + 1
    } else if (text[index] === '"' && mayQuote) {
      const end = endOfQuote(text, index)
      // No later quote ends, either: looking for it each time would take the square of the header's length.
      if (end === -1) mayQuote = false
      else index = end
    }
  }
  return [...parts, text.slice(start)]
}

/** Where the quoted text that begins at `start` ends, or -1. A backslash takes its meaning from the character behind it. */
function endOfQuote (text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    if (text[index] === '"') return index
    if (text[index] === '\\') index++
  }
  return -1
}

const token = "[\\w!#$%&'*+.^`|~-]+"
const mediaRange = new RegExp(`^${token}/${token}$`)
const parameter = new RegExp(`^(?:${token}\\s*=\\s*(?:${token}|"(?:[^"\\\\]|\\\\.)*"))?$`)
const quality = /^q\s*=\s*/i
// RFC 9110 asks for a digit in front; Java leaves it out.
const decimal = /^(?:\d+(?:\.\d*)?|\.\d+)$/

// Browsers ask for both, and the page is written so that it serves either.
const aliases = new Map([['application/xhtml+xml', 'text/html']])

/** None where it is malformed. */
function toRange (item: string, position: number): Range[] {
  const [type = '', ...parameters] = split(item, ';').map(part => part.trim())
  const q = parameters.find(text => quality.test(text))?.replace(quality, '') ?? '1'
  const isMalformed = !mediaRange.test(type) || !parameters.every(text => parameter.test(text)) || !decimal.test(q) || Number(q) > 1
  return isMalformed ? [] : [{ type: aliases.get(type.toLowerCase()) ?? type.toLowerCase(), q: Number(q), position }]
}

/** The first format of the range that is wanted most. A more specific range beside it may want that format less, or not at all. */
function mostWanted (ranges: readonly Range[]): Renderer | undefined {
  const wanted = ranges.filter(({ q }) => q > 0).sort((a, b) => b.q - a.q || a.position - b.position)
  // Once for each format, not once for each range: a header holds thousands of ranges.
  const qualities = new Map(renderers.map(renderer => [renderer, qualityOf(ranges, renderer.mediaType)]))
  for (const { type, q } of wanted) {
    const found = renderers.find(renderer => covers(type, renderer.mediaType) && qualities.get(renderer) === q)
    if (found !== undefined) return found
  }
}

function covers (type: string, mediaType: string): boolean {
  return type === '*/*' || type === mediaType || type === mediaType.replace(/\/.*/, '/*')
}

/** How much a media type is wanted, by the most specific range: `text/html;q=0` takes it out of a `text/*` beside it. */
function qualityOf (ranges: readonly Range[], mediaType: string): number {
  const covering = ranges.filter(({ type }) => covers(type, mediaType))
  const specific = Math.max(...covering.map(specificity))
  return Math.max(...covering.filter(range => specificity(range) === specific).map(({ q }) => q))
}

function specificity ({ type }: Range): number {
  return type === '*/*' ? 0 : type.endsWith('/*') ? 1 : 2
}
