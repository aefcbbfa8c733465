import { createHash } from 'node:crypto'
import type { Renderer } from '../../types/renderer.js'
import { page } from './html/page.js'
import { script } from './html/script.js'
import { style } from './html/style.js'

const sources = { style, script, version: sha256(style + script).toString('hex').slice(0, 8) }

const policy = [
  "default-src 'none'",
  `style-src 'sha256-${sha256(style).toString('base64')}'`,
  `script-src 'sha256-${sha256(script).toString('base64')}'`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
]

/** The status page: all of it without JavaScript, and kept up to date with it. */
export const html = {
  name: 'html',
  mediaType: 'text/html',
  contentType: 'text/html; charset=utf-8',
  headers: {
    'content-security-policy': policy.join('; '),
    'x-robots-tag': 'noindex',
  },
  render: report => page(report, sources),
} satisfies Renderer

function sha256 (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
