import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { haproxy } from '../../lib/manifests/haproxy.js'
import { program } from '../helpers/debian.js'
import { everySubset, inputOf, taking } from '../helpers/manifests.js'

/** What HAProxy makes of it beside a frontend, as in anyone's haproxy.cfg. */
function verdictOn (backend: string): { status: number | null, said: string } {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-health-haproxy-'))
  try {
    const file = join(folder, 'haproxy.cfg')
    writeFileSync(file, `
defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s

frontend www
    bind 127.0.0.1:8080
    default_backend shop

${backend}`)
    const { status, stdout, stderr } = spawnSync(program('haproxy'), ['-c', '-f', file], { encoding: 'utf8' })
    return { status, said: `${stdout}${stderr}`.trim() }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('HAProxy takes it, and has no warning', async t => {
  t.strictSame(verdictOn(haproxy(await inputOf(everySubset))), { status: 0, said: 'Configuration file is valid' })
  const hostile = haproxy(await inputOf({ ...everySubset, prefix: '/it\'s-"up"\\$HOME/prüfung' }))
  t.strictSame(verdictOn(hostile), { status: 0, said: 'Configuration file is valid' })
  t.notSame(verdictOn(haproxy(await inputOf(everySubset)).replace('httpchk', 'htpchk')).status, 0)
})

test('it asks readiness, and waits for as long as the answer may take', async t => {
  const text = haproxy(await inputOf(everySubset, { port: 8080 }))
  t.match(text, '    option httpchk GET /healthcheck/readiness\n')
  t.match(text, '    http-check expect status 200\n')
  t.match(text, '    timeout check 5s\n')
  t.match(text, '    default-server check inter 5s fall 2 rise 2\n')
  t.match(text, '    server shop-1 127.0.0.1:8080\n')
  t.match(haproxy(await inputOf({ subsets: { readiness: [taking(20_000)] } })), 'inter 21s')
})

test('a configuration without readiness, and a worker, are refused', async t => {
  const refusal = { code: 'FST_HEALTH_USAGE', message: 'HAProxy asks a web app for its readiness: make a subset of that name.' }
  const without = await inputOf({ subsets: {} })
  const worker = await inputOf(everySubset, { kind: 'worker' })
  t.throws(() => haproxy(without), refusal)
  t.throws(() => haproxy(worker), { code: 'FST_HEALTH_USAGE', message: /^HAProxy asks over HTTP, and a worker serves none: leave --kind worker out, or name with --port/ })
})
