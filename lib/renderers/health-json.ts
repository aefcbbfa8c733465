import type { Renderer } from '../../types/renderer.js'
import type { Report, Result } from '../../types/report.js'
import type { Service } from '../../types/settings.js'

type Status = 'pass' | 'warn' | 'fail'

/** Writes the format of https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06. */
export const healthJson: Renderer = {
  name: 'health+json',
  mediaType: 'application/health+json',
  contentType: 'application/health+json',
  render: (report, service) => ({ status: overall(report), ...about(service), checks: checks(report.results) }),
}

/** Returns the fields that describe the service, without those that are `undefined`. */
export function about ({ version, releaseId, serviceId, description }: Service): Service {
  return {
    ...(version === undefined ? {} : { version }),
    ...(releaseId === undefined ? {} : { releaseId }),
    ...(serviceId === undefined ? {} : { serviceId }),
    ...(description === undefined ? {} : { description }),
  }
}

/** Returns the verdict. A failure that does not make the subset unhealthy is a warning. */
function overall ({ healthy, results }: Report): Status {
  if (!healthy) return 'fail'
  return results.some(({ errors }) => errors.length > 0) ? 'warn' : 'pass'
}

function checks (results: readonly Result[]): Record<string, object[]> {
  const found = new Map<string, object[]>()
  for (const result of results) {
    const responseTime = measurementKey(result.identifier, 'responseTime')
    found.set(responseTime, [...found.get(responseTime) ?? [], component(result, responseTimeOf(result))])
    for (const { name, value, unit } of result.observed ?? []) {
      const key = measurementKey(result.identifier, name)
      found.set(key, [...found.get(key) ?? [], component(result, { value, unit })])
    }
  }
  return Object.fromEntries(found)
}

// A colon separates the component from the measurement, so neither may contain one. `componentId` has the unchanged identifier.
export function measurementKey (identifier: string, measurement: string): string {
  return [identifier, measurement].map(name => name.replace(/\s*:\s*/g, ' - ')).join(':')
}

interface Observed {
  readonly value: number | string
  readonly unit: string | undefined
}

function responseTimeOf ({ duration }: Result): Observed {
  return { value: Math.round(duration * 1000) / 1000, unit: 'ms' }
}

function component ({ identifier, healthy, errors, startedAt, status, muted }: Result, { value, unit }: Observed): object {
  const working = errors.length === 0
  return {
    componentId: identifier,
    // The draft has other types as well, but only this one is right for every check.
    componentType: 'component',
    observedValue: value,
    ...(unit === undefined ? {} : { observedUnit: unit }),
    status: !healthy && muted === undefined ? 'fail' : working ? 'pass' : 'warn',
    time: new Date(startedAt).toISOString(),
    ...(working ? {} : { output: status }),
    ...(muted === undefined
      ? {}
      : { muted: { ...muted, since: new Date(muted.since).toISOString(), until: new Date(muted.until).toISOString() } }),
  }
}
