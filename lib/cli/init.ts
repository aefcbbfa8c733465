import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { IO } from './command.js'
import { checkModules, knownClients, knownMigrationTools } from './known-clients.js'
import { standard } from './load.js'
import { packageOf, type Package } from './package.js'
import { reason } from '../values/shown.js'
import { FST_HEALTH_INVALID_CONFIGURATION } from '../errors.js'

/** An entry of the configuration to write. */
interface EntryToWrite {
  /** The name of its constant. */
  readonly name: string
  readonly module: string
  /** As JavaScript. */
  readonly options: string
  readonly comment: string
  readonly env: string | undefined
  readonly crucial: boolean
}

/**
 * Writes a configuration with the checks for what the package.json depends on, into the working directory.
 *
 * @throws FST_HEALTH_INVALID_CONFIGURATION if there is a configuration already, no package.json, or the file cannot be written.
 */
export function init ({ cwd, out }: Pick<IO, 'cwd' | 'out'>): void {
  const app = packageOf(cwd)
  if (app === undefined) {
    throw new FST_HEALTH_INVALID_CONFIGURATION(
      `There is no package.json in ${cwd}, nor in a folder above: start the command in the folder of the app.`
    )
  }
  const present = standard.map(name => join(cwd, name)).find(path => existsSync(path))
  if (present !== undefined) {
    throw new FST_HEALTH_INVALID_CONFIGURATION(
      `There is ${present} already, which is not overwritten: remove it first, or run \`fastify-health check\` to see what it leaves out.`
    )
  }
  const lines = linesFor(app, cwd)
  const file = app.isModule ? 'health.config.js' : 'health.config.mjs'
  try {
    writeFileSync(join(cwd, file), configText(lines), { flag: 'wx' })
  } catch (error) {
    throw new FST_HEALTH_INVALID_CONFIGURATION(`${join(cwd, file)} cannot be written: ${reason(error)}.`)
  }
  out(outcome(file, lines))
}

function linesFor ({ dependencies }: Package, cwd: string): EntryToWrite[] {
  const lines: EntryToWrite[] = []
  for (const { packages, modules, options, env, note = '', crucial = false } of knownClients) {
    const [found] = packages.filter(name => dependencies.has(name))
    // One entry is enough for a driver and for what is built on it.
    if (found === undefined || lines.some(({ module }) => modules.includes(module))) continue
    const [module] = modules
    lines.push({ name: module, module, options, env, crucial, comment: `The app depends on ${found}. ${note}` })
  }
  // The check reads the table of the tool over a connection to PostgreSQL.
  const database = lines.find(({ module }) => module === 'postgres')
  const tool = knownMigrationTools.find(({ packages, dir }) => packages.some(name => dependencies.has(name)) && existsSync(join(cwd, dir)))
  if (database === undefined || tool === undefined) return lines
  const options = database.options.replace('{ ', `{ tool: '${tool.tool}', dir: '${tool.dir}', `)
  const comment = `The folder '${tool.dir}' is there. The check fails while a migration is pending.`
  return [database, { ...database, name: 'migrations', module: 'migrations', options, comment }, ...lines.filter(line => line !== database)]
}

function configText (lines: readonly EntryToWrite[]): string {
  const names = (list: readonly EntryToWrite[]) => list.map(({ name }) => name).join(', ')
  return `\
// The checks of this app, as \`fastify-health init\` found them in its package.json. Change what does not fit, and look for faults with
// \`npx fastify-health check\`.
${lines.map(constant).join('')}
export default {
  subsets: {
    // Can this instance serve? Readiness probes and load balancers ask this, so it holds only what no request can do without.
    readiness: [${names(lines.filter(({ crucial }) => crucial))}],
    // Can this instance reach everything that it depends on? Monitoring asks this.
    integrations: [${names(lines)}],
  },
}
`
}

function constant ({ name, module, options, comment, env }: EntryToWrite): string {
  const enabled = env === undefined ? 'false' : `Boolean(process.env.${env})`
  const how = env === undefined ? 'Then remove `enabled`.' : `It is asked where ${env} is set.`
  return `
// ${`${comment} ${how}`.replaceAll(/ {2,}/g, ' ')}
const ${name} = ['${checkModules}${module}', ${options.replace(/ }$/, `, enabled: ${enabled} }`)}]
`
}

function outcome (file: string, lines: readonly EntryToWrite[]): string {
  if (lines.length === 0) return `Wrote ${file} without checks: package.json depends on no client that has one.\n`
  const variables = [...new Set(lines.flatMap(({ env }) => env ?? []))]
  const byHand = lines.filter(({ env }) => env === undefined).map(({ name }) => name)
  return [
    `Wrote ${file} with ${lines.map(({ name }) => name).join(', ')}.`,
    ...variables.length === 0 ? [] : [`Set in the environment: ${variables.join(', ')}.`],
    ...byHand.length === 0 ? [] : [`Complete in the file: ${byHand.join(', ')}.`],
    'Then look for faults: npx fastify-health check\n',
  ].join('\n')
}
