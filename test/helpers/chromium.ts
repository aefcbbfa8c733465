import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'
import { program } from './debian.js'
import { reap } from './reaper.js'
import type { Scope } from './server.js'

/** Debian's Chromium without a window, which asks nobody on the network for anything. */
export async function launchChromium (t: Scope): Promise<Browser> {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-health-chromium-'))
  reap(folder)
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const browser = await chromium.launch({
    executablePath: program('chromium'),
    env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', HOME: folder, TMPDIR: folder },
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  })
  t.after(() => browser.close())
  return browser
}
