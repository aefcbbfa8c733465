import type { IncomingHttpHeaders } from 'node:http'
import { renderers } from '../renderers/index.js'
import type { Renderer } from '../../types/renderer.js'

// A + in a query stands for a space if it is not escaped.
const renderersByName = new Map<unknown, Renderer>(
  renderers.flatMap(renderer => [renderer.name, renderer.name.replace('+', ' ')].map(name => [name, renderer]))
)

/** The media types to list for a client that accepts none of them. */
export const supportedTypes = renderers.map(({ mediaType }) => mediaType).join(', ')

/**
 * Returns the format that a request asks for, or `undefined` if there is no such format. `?format=` comes before the `Accept` header. In
 * the header, the highest q counts, and the order decides between equal ones.
 */
export function negotiate (format: unknown, { accept }: Pick<IncomingHttpHeaders, 'accept'>): Renderer | undefined {
  const wanted: unknown = Array.isArray(format) ? format[0] : format
  if (wanted !== undefined) return renderersByName.get(wanted === 'text' ? 'plain' : wanted)
  if (accept === undefined || accept === '*/*') return renderers[0]
  const ranges = splitAt(accept, ',').flatMap(toRange)
  // If no part of the header can be understood, it is ignored.
  if (ranges.length === 0) return renderers[0]
  return mostWanted(ranges)
}

/** One item of an `Accept` header. Parameters other than q are ignored, since no format has two versions. */
interface Range {
  /** The media range, such as `text/html` or `text/*`. */
  readonly type: string
  readonly q: number
  readonly position: number
}

/** Splits a text. A separator in quotes does not count, and neither does a quote that does not end. */
function splitAt (text: string, separator: string): string[] {
  const parts: string[] = []
  let start = 0
  let mayQuote = true
  for (let index = 0; index < text.length; index++) {
    if (text[index] === separator) {
      parts.push(text.slice(start, index))
      start = index + 1
    } else if (text[index] === '"' && mayQuote) {
      const end = endOfQuote(text, index)
      // No later quote ends, either. Looking for the end each time would take quadratic time.
      if (end === -1) mayQuote = false
      else index = end
    }
  }
  return [...parts, text.slice(start)]
}

/** Returns where the quoted text that begins at `start` ends, or -1. A backslash escapes the next character. */
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
// RFC 9110 requires a digit before the point, but clients in Java leave it out.
const decimal = /^(?:\d+(?:\.\d*)?|\.\d+)$/

// Browsers ask for both types, and the page is valid in both.
const aliases = new Map([['application/xhtml+xml', 'text/html']])

/** Parses one item of an `Accept` header. A malformed item gives no range. */
function toRange (item: string, position: number): Range[] {
  const [type = '', ...parameters] = splitAt(item, ';').map(part => part.trim())
  const q = parameters.find(text => quality.test(text))?.replace(quality, '') ?? '1'
  const isMalformed = !mediaRange.test(type) || !parameters.every(text => parameter.test(text)) || !decimal.test(q) || Number(q) > 1
  return isMalformed ? [] : [{ type: aliases.get(type.toLowerCase()) ?? type.toLowerCase(), q: Number(q), position }]
}

/** Returns the first format of the range with the highest q. A more specific range can give that format a lower q, or 0. */
function mostWanted (ranges: readonly Range[]): Renderer | undefined {
  const wanted = ranges.filter(({ q }) => q > 0).sort((a, b) => b.q - a.q || a.position - b.position)
  // The q of each format is computed once. A header may hold thousands of ranges, so once for each range would take too long.
  const qualities = new Map(renderers.map(renderer => [renderer, qualityOf(ranges, renderer.mediaType)]))
  for (const { type, q } of wanted) {
    const found = renderers.find(renderer => covers(type, renderer.mediaType) && qualities.get(renderer) === q)
    if (found !== undefined) return found
  }
}

function covers (type: string, mediaType: string): boolean {
  return type === '*/*' || type === mediaType || type === mediaType.replace(/\/.*/, '/*')
}

/** Returns the q of a media type. The most specific range decides, so `text/html;q=0` excludes it from `text/*`. */
function qualityOf (ranges: readonly Range[], mediaType: string): number {
  const covering = ranges.filter(({ type }) => covers(type, mediaType))
  const specific = Math.max(...covering.map(specificity))
  return Math.max(...covering.filter(range => specificity(range) === specific).map(({ q }) => q))
}

function specificity ({ type }: Range): number {
  return type === '*/*' ? 0 : type.endsWith('/*') ? 1 : 2
}
