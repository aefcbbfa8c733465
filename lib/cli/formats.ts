import { styleText } from 'node:util'
import { FST_HEALTH_USAGE } from '../errors.js'
import { plain, statusLine, statusInWords } from '../renderers/plain.js'
import { suggestion } from '../values/rules.js'
import type { Renderer } from '../../types/renderer.js'
import type { Settings } from '../../types/options.js'
import type { Report } from '../../types/report.js'

export interface Printed {
  readonly text: string
  /** The exit status. */
  readonly status: number
}

/** A format turns a report into a text and an exit status. */
export type Format = (report: Report, settings: Settings, colour: boolean) => Printed

// Only `plain` is always loaded. The others are loaded on demand, since a probe starts the command every few seconds.
const formats: Readonly<Record<string, () => Promise<Format>>> = {
  plain: async () => (report, settings, colour) => ({
    ...printed(plain, report, settings),
    ...(colour ? { text: colouredReport(report) } : {}),
  }),
  json: async () => of((await import('../renderers/json.js')).json),
  html: async () => of((await import('../renderers/html.js')).html),
  'health+json': async () => of((await import('../renderers/health-json.js')).healthJson),
  nagios: async () => {
    const { nagios } = await import('../renderers/nagios.js')
    return report => {
      const { line, exitCode } = nagios(report)
      return { text: `${line}\n`, status: exitCode }
    }
  },
  openmetrics: async () => of((await import('../renderers/openmetrics.js')).openmetrics),
}

/** @throws FST_HEALTH_USAGE if there is no such format. */
export async function formatOf (name: string): Promise<Format> {
  const load = Object.hasOwn(formats, name) ? formats[name] : undefined
  if (load === undefined) throw new FST_HEALTH_USAGE(`There is no format '${name}'. ${suggestion(name, Object.keys(formats))}`)
  return await load()
}

function of (renderer: Renderer): Format {
  return (report, settings) => printed(renderer, report, settings)
}

function printed (renderer: Renderer, report: Report, { service }: Settings): Printed {
  const body = renderer.render(report, service)
  return { text: typeof body === 'string' ? body : jsonLine(body), status: report.healthy ? 0 : 1 }
}

/** Writes JSON for a terminal. JSON.stringify does not escape the control characters above 0x7e. */
export function jsonLine (body: unknown): string {
  return `${JSON.stringify(body).replace(/\p{Cc}/gu, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`
}

function colouredReport ({ results }: Report): string {
  return results.map(result => {
    const { identifier, healthy, critical, borne, muted } = result
    const colour = healthy && !borne ? 'green' : critical && !borne && muted === undefined ? 'red' : 'yellow'
    return statusLine(identifier, styleText(colour, statusInWords(result), { validateStream: false }))
  }).join('')
}
