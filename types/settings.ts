import type { FastifyRequest } from 'fastify'
import type { FleetOptions } from './fleet.js'

export type Details = 'always' | 'never' | ((request: FastifyRequest) => boolean | Promise<boolean>)

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** What the service says of itself in `health+json`. */
export interface Service {
  /** Of the deployment: a build number, a commit. */
  releaseId?: string | undefined
  /** Of this service among all others, such as a URN. */
  serviceId?: string | undefined
  /** Of the public interface. */
  version?: string | undefined
  /** In words for people. */
  description?: string | undefined
}

/** Where a listener of the probes' own listens. */
export interface ListenOptions {
  /**
   * 0 takes a free one.
   *
   * @default 0
   */
  port?: number
  /** @default '0.0.0.0' */
  host?: string
  /** A Unix socket in place of a port. */
  path?: string
}

/** The settings that a check sees: all but the lists of entries. Each run reads them anew. Durations are milliseconds. */
export interface CheckSettings {
  /** Where the subsets' routes are mounted. */
  prefix: string
  /** `false` switches it off. */
  livenessPath: string | false
  /** `false`: a `ServiceWarning` does not fail the subset. */
  warningsAsErrors: boolean
  /** `true`: the checks of a subset run one after another. */
  sequential: boolean
  /** Percent of a disk that may be in use; `null` switches the threshold off. */
  diskUsageMax: number | null
  /** MiB of memory that must be available; `null` switches the threshold off. */
  memoryMin: number | null
  /** The status an unhealthy subset answers with, 400 to 599: for all subsets, or by subset. A subset that is not named has 500. */
  failureStatus: number | Record<string, number>
  /** How long a check may take. */
  timeout: number
  /** How long a whole response may take; what has not answered by then is reported as timed out. */
  deadline: number | undefined
  /** How long a result is served again without asking: for all subsets, or by subset. */
  cacheFor: number | Record<string, number>
  /** Who sees messages, and who only the kind. A function may take as long as a check; one that takes longer, or throws, is a no. */
  details: Details
  /** The subsets that fail while draining. */
  drainSubsets: string[]
  /** Of the plugin's routes. */
  logLevel: LogLevel
  /** A listener of the probes' own, beside the app's. It is read once, when the plugin is registered. */
  listen: ListenOptions | undefined
  /** The other instances of the service, and how to know of them. It is read once, when the registry is made. */
  fleet: FleetOptions | undefined
  /** `false` takes the probes off the app's own listener. */
  routes: boolean
  /** `false` keeps the plugin's routes out of the OpenAPI document. */
  openapi: boolean
  /** What `health+json` says of the service itself. */
  service: Service
  /** What relative specifiers are resolved against. */
  baseDir: string
}
