import type { FastifyRequest } from 'fastify'
import type { FleetOptions } from './fleet.js'

/** `details` decides who sees the messages of failures. A function decides for each request. */
export type Details = 'always' | 'never' | ((request: FastifyRequest) => boolean | Promise<boolean>)

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** The description of the service in `health+json`. */
export interface Service {
  /** The identifier of the deployment, such as a build number or a commit. */
  releaseId?: string | undefined
  /** The identifier of this service among all services, such as a URN. */
  serviceId?: string | undefined
  /** The version of the public interface. */
  version?: string | undefined
  /** A description for people. */
  description?: string | undefined
}

/** The address of a separate listener for the probes. */
export interface ListenOptions {
  /**
   * The port. With 0, the system chooses a free port.
   *
   * @default 0
   */
  port?: number
  /**
   * The address of a network interface.
   *
   * @default '0.0.0.0'
   */
  host?: string
  /** The path of a Unix socket, in place of a port. */
  path?: string
}

/** The settings that a check sees, which are all settings but `subsets`. Each run reads them again. Durations are milliseconds. */
export interface CheckSettings {
  /**
   * The path before the names of the subsets.
   *
   * @default '/healthcheck'
   */
  prefix: string
  /**
   * The path of liveness. `false` switches it off.
   *
   * @default '/healthcheck/liveness'
   */
  livenessPath: string | false
  /**
   * `false` says that a `ServiceWarning` does not fail the subset.
   *
   * @default true
   */
  warningsAsErrors: boolean
  /**
   * `true` runs the checks of a subset one after another.
   *
   * @default false
   */
  sequential: boolean
  /**
   * The percentage of a disk that may be in use. `null` switches the threshold off.
   *
   * @default 90
   */
  diskUsageMax: number | null
  /**
   * The number of MiB of memory that must be available. `null` switches the threshold off.
   *
   * @default 100
   */
  memoryMin: number | null
  /**
   * The HTTP status of an unhealthy subset, 400 to 599. A number holds for all subsets, an object for the subsets that it names. A subset
   * that is not named answers 500.
   *
   * @default 500
   */
  failureStatus: number | Record<string, number>
  /**
   * A run of a check may take this many milliseconds.
   *
   * @default 3000
   */
  timeout: number
  /**
   * A whole response may take this many milliseconds. A check that has not answered by then is reported as timed out.
   *
   * @default undefined (no limit)
   */
  deadline: number | undefined
  /**
   * A result is reused for this many milliseconds. A number holds for all subsets, an object for the subsets that it names.
   *
   * @default 0
   */
  cacheFor: number | Record<string, number>
  /**
   * Decides who sees the messages of failures. Other clients see only their kinds. A function may take as long as a check. If it throws or
   * takes longer, the client sees no messages.
   *
   * @default 'always'
   */
  details: Details
  /**
   * The subsets that fail while the process drains.
   *
   * @default ['readiness']
   */
  drainSubsets: string[]
  /**
   * The log level of the plugin's routes.
   *
   * @default 'warn'
   */
  logLevel: LogLevel
  /**
   * The address of a separate listener for the probes. It is read once, when the plugin is registered.
   *
   * @default undefined (no separate listener)
   */
  listen: ListenOptions | undefined
  /**
   * The options by which the instances of the service know each other. They are read once, when the registry is made.
   *
   * @default undefined (no fleet)
   */
  fleet: FleetOptions | undefined
  /**
   * `false` does not serve the probes on the listener of the app.
   *
   * @default true
   */
  routes: boolean
  /**
   * `false` keeps the plugin's routes out of the OpenAPI document.
   *
   * @default true
   */
  openapi: boolean
  /**
   * The description of the service in `health+json`.
   *
   * @default {}
   */
  service: Service
  /**
   * The folder that relative specifiers start from.
   *
   * @default process.cwd()
   */
  baseDir: string
}
