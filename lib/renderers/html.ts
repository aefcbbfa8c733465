import type { Renderer } from '../../types/renderer.js'
import { assets, type Assets } from './html/assets.js'
import { page } from './html/page.js'

/** Makes the headers of a page that has any of the given assets. */
export const headersOf = (...held: readonly Assets[]) => ({
  'content-security-policy': policyOf(held).join('; '),
  'x-robots-tag': 'noindex',
})

const policyOf = (held: readonly Assets[]) => [
  "default-src 'none'",
  `style-src ${held.map(({ hashes }) => hashes.style).join(' ')}`,
  `script-src ${held.map(({ hashes }) => hashes.script).join(' ')}`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
]

/** Writes the status page. It is complete without JavaScript, and stays up to date with it. */
export const html = {
  name: 'html',
  mediaType: 'text/html',
  contentType: 'text/html; charset=utf-8',
  headers: headersOf(assets.plain, assets.searchable),
  render: report => page(report),
} satisfies Renderer
