import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { program } from './debian.js'
import { freePort, launch } from './server.js'
import type { Scope, Server } from './server.js'

export interface Blackbox extends Server {
  /** The value of every metric without labels that a probe of `target` comes to: `probe_success`, `probe_http_status_code` … */
  probe (target: string): Promise<Record<string, number>>
}

/** A Prometheus blackbox exporter whose probes are what its own documentation calls `http_2xx`. */
export async function startBlackbox (t: Scope): Promise<Blackbox> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const running = await launch(t, 'blackbox', ({ folder }) => {
    const config = join(folder, 'blackbox.yml')
    writeFileSync(config, 'modules: { http_2xx: { prober: http, timeout: 5s } }\n')
    return {
      command: program('prometheus-blackbox-exporter'),
      args: [`--config.file=${config}`, `--web.listen-address=127.0.0.1:${port}`],
      answers: async () => await read(`${url}/-/healthy`),
    }
  }, { port })
  return Object.assign(running, {
    port,
    url,
    async probe (target: string) {
      const exposition = await read(`${url}/probe?module=http_2xx&target=${encodeURIComponent(target)}`)
      return Object.fromEntries([...exposition.matchAll(/^(\w+) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]))
    },
  })
}

async function read (url: string): Promise<string> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`The blackbox exporter answered ${response.status}`)
  return await response.text()
}
