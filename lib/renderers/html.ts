import type { Renderer } from '../../types/renderer.js'
import { hashes } from './html/assets.js'
import { page } from './html/page.js'

const policy = [
  "default-src 'none'",
  `style-src ${hashes.styles.join(' ')}`,
  `script-src ${hashes.scripts.join(' ')}`,
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
  render: report => page(report),
} satisfies Renderer
