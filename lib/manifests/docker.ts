import { FST_HEALTH_USAGE } from '../errors.js'
import type { Manifest, ManifestInput } from './input.js'
import { commandFor, needsNoGrpc, questionOf, type ProberQuestion } from './questions.js'
import { quoted } from './quoting.js'

const reasons: Readonly<Record<string, string>> = {
  liveness: 'Swarm replaces a container that is unhealthy, so this asks for liveness.',
  readiness: 'Where others wait until this container can serve (depends_on: condition: service_healthy), it is readiness that they wait ' +
    'for.',
}

/** Writes a HEALTHCHECK that needs no shell and no curl in the image: https://docs.docker.com/reference/dockerfile/#healthcheck */
export const docker: Manifest = input => {
  needsNoGrpc(input.over, 'Docker')
  const [first, ...others] = Object.keys(reasons).flatMap(subset => questionOf(input, subset) ?? [])
  if (first === undefined) {
    throw new FST_HEALTH_USAGE('There is nothing that HEALTHCHECK could ask: make a subset named liveness or readiness.')
  }
  return [
    `# ${reasons[first.subset]}`,
    instruction(first, input),
    // An image has only one HEALTHCHECK, so the others are comments.
    ...others.flatMap(other => ['', `# ${reasons[other.subset]}`, `# ${instruction(other, input)}`]),
    '',
  ].join('\n')
}

function instruction (question: ProberQuestion, input: ManifestInput): string {
  const { path, subset, timeoutSeconds } = question
  const interval = Math.max(path === undefined ? 30 : 10, timeoutSeconds)
  const command = path === undefined ? commandFor(input, subset) : [input.node, '-e', request(`http://127.0.0.1:${input.port}${path}`)]
  return `HEALTHCHECK --interval=${interval}s --timeout=${timeoutSeconds}s --start-period=120s --retries=3 CMD ${quoted(command)}`
}

function request (url: string): string {
  return `fetch(${JSON.stringify(url)}).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`
}
