import { FST_HEALTH_USAGE } from '../errors.js'
import type { Manifest, ManifestInput } from './input.js'
import { commandFor, questionOf, type ProberQuestion } from './questions.js'
import { indented, quoted, requestPath } from './quoting.js'

interface Probe {
  readonly name: 'startupProbe' | 'livenessProbe' | 'readinessProbe'
  readonly why: string
  readonly asks: 'liveness' | 'readiness'
  readonly failureThreshold: number
  /** The seconds between two probes. A command is asked less often than a URL, since it starts a process each time. */
  readonly periodSeconds: { readonly request: number, readonly command: number }
}

const probes: readonly Probe[] = [
  {
    name: 'startupProbe',
    why: 'Two minutes to start. It asks liveness, so that a dependency that is down does not restart a pod that starts.',
    asks: 'liveness',
    failureThreshold: 12,
    periodSeconds: { request: 10, command: 10 },
  },
  {
    name: 'livenessProbe',
    why: 'Restarts the container.',
    asks: 'liveness',
    failureThreshold: 3,
    periodSeconds: { request: 10, command: 30 },
  },
  {
    name: 'readinessProbe',
    why: 'Takes the pod out of its services, and back in.',
    asks: 'readiness',
    failureThreshold: 3,
    periodSeconds: { request: 10, command: 30 },
  },
]

const askedAs: Readonly<Record<ManifestInput['over'], string>> = { http: 'a web app', command: 'a worker', grpc: 'a gRPC server' }

/**
 * Writes the three probes as a patch of a Deployment:
 * https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
 */
export const kubernetes: Manifest = input => {
  const { name } = input
  const asked = probes.map(probe => ({ probe, question: questionOf(input, probe.asks) }))
  if (asked.every(({ question }) => question === undefined)) {
    throw new FST_HEALTH_USAGE(
      `There is nothing that a probe of ${askedAs[input.over]} could ask: make a subset named liveness or readiness.`
    )
  }
  return [
    '# A patch for Kustomize or `kubectl patch --patch-file`; the probes fit the timeouts and the deadline of the configuration.',
    'apiVersion: apps/v1',
    'kind: Deployment',
    'metadata:',
    `  name: ${quoted(name)}`,
    'spec:',
    '  template:',
    '    spec:',
    '      containers:',
    `        - name: ${quoted(name)}`,
    ...indented(asked.flatMap(({ probe, question }) =>
      question === undefined ? missing(probe, input) : probeLines(probe, question, input)), 5),
    '',
  ].join('\n')
}

function missing ({ name, asks }: Probe, { over, livenessPath }: ManifestInput): string[] {
  const isOff = over === 'http' && asks === 'liveness' && livenessPath === false
  return [`# No ${name}: ${isOff ? '`livenessPath: false` switches it off, and ' : ''}there is no subset named ${asks}.`]
}

function probeLines ({ name, why, failureThreshold, periodSeconds }: Probe, question: ProberQuestion, input: ManifestInput): string[] {
  return [
    `# ${why}`,
    `${name}:`,
    ...indented([
      ...handler(question, input),
      `periodSeconds: ${Math.max(periodSeconds[input.over === 'command' ? 'command' : 'request'], question.timeoutSeconds)}`,
      `timeoutSeconds: ${question.timeoutSeconds}`,
      `failureThreshold: ${failureThreshold}`,
    ], 1),
  ]
}

function handler ({ path, subset }: ProberQuestion, input: ManifestInput): string[] {
  if (path !== undefined) return ['httpGet:', `  path: ${quoted(requestPath(path))}`, `  port: ${input.port}`]
  if (input.over === 'grpc') return ['grpc:', `  port: ${input.port}`, `  service: ${quoted(subset)}`]
  return ['exec:', `  command: ${quoted(commandFor(input, subset))}`]
}
