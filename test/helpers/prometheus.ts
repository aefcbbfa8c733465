import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { program } from './debian.js'
import { freePort, launch } from './server.js'
import type { Scope, Server } from './server.js'

export interface PrometheusOptions {
  /** The whole prometheus.yml, but for `rule_files`. */
  config: string
  /** The whole file of rules. */
  rules: string
}

export interface Prometheus extends Server {
  /** What an instant query finds: the labels of each series, and its value as Prometheus writes it. */
  query (expression: string): Promise<Array<{ labels: Record<string, string>, value: string }>>
  /** The alerts that are pending or firing now. */
  alerts (): Promise<Array<{ labels: Record<string, string>, annotations: Record<string, string>, state: string }>>
  /** What each scrape target came to: its health, and why. */
  targets (): Promise<Array<{ job: string, health: string, lastError: string }>>
}

/** A Prometheus of its own. It keeps nothing over a test. */
export async function startPrometheus (t: Scope, { config, rules }: PrometheusOptions): Promise<Prometheus> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const running = await launch(t, 'Prometheus', ({ folder }) => {
    writeFileSync(join(folder, 'prometheus.yml'), `rule_files: ["rules.yml"]\n${config}`)
    writeFileSync(join(folder, 'rules.yml'), rules)
    return {
      command: program('prometheus'),
      args: [`--web.listen-address=127.0.0.1:${port}`, `--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`],
      answers: async () => {
        const { ok, status } = await fetch(`${url}/-/ready`)
        if (!ok) throw new Error(`Prometheus answered ${status}`)
      },
    }
  }, { port })
  const api = async <Data>(path: string): Promise<Data> => {
    const answer = await (await fetch(`${url}/api/v1/${path}`)).json() as { status: string, data: Data, error?: string }
    if (answer.status !== 'success') throw new Error(`Prometheus: ${answer.error}`)
    return answer.data
  }
  return Object.assign(running, {
    port,
    url,
    async query (expression: string) {
      const { result } = await api<{ result: Array<{ metric: Record<string, string>, value: [number, string] }> }>(`query?query=${encodeURIComponent(expression)}`)
      return result.map(({ metric, value: [, value] }) => ({ labels: metric, value }))
    },
    async alerts () {
      return (await api<{ alerts: Array<{ labels: Record<string, string>, annotations: Record<string, string>, state: string }> }>('alerts')).alerts
    },
    async targets () {
      const { activeTargets } = await api<{ activeTargets: Array<{ labels: { job: string }, health: string, lastError: string }> }>('targets')
      return activeTargets.map(({ labels: { job }, health, lastError }) => ({ job, health, lastError }))
    },
  })
}

/** What promtool says, and what it exits with. */
export async function promtool (args: readonly string[], input = ''): Promise<{ status: number, said: string }> {
  return await new Promise((resolve, reject) => {
    const child = execFile(program('promtool'), [...args], (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error)
      else resolve({ status: error === null ? 0 : Number(error.code), said: `${stdout}${stderr}` })
    })
    child.stdin?.end(input)
  })
}

/** The same of a file's content, as the last argument. */
export async function promtoolOn (content: string, ...args: string[]): Promise<{ status: number, said: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-health-promtool-'))
  try {
    const file = join(folder, 'content.yml')
    writeFileSync(file, content)
    return await promtool([...args, file])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
