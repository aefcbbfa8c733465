// The module declares the options of the built-in checks, and no other declaration file imports it.
import './checks/index.js'
export { plugin as default, plugin as fastifyHealth } from './plugin.js'
export { HealthCheck, defineCheck, type CheckDefinition } from './check.js'
export { errorCodes, HealthCheckError, ServiceReturnedUnexpectedResult, ServiceUnavailable, ServiceWarning } from './errors.js'
export { createHealth } from './create-health.js'
export { HealthRegistry, type Listener, type RegistryContext } from './engine/registry.js'
export type {
  Check, CheckClass, CheckContext, EntryOptions, Resources, OptionRule, OptionRules, Requirement, RequirementsContext, Scope,
} from '../types/check.js'
export type {
  FailingCheck, FleetInstance, FleetMute, FleetMuteTime, FleetOptions, FleetSubset, InstanceState, InstanceSubset, Roster,
} from '../types/fleet.js'
export type { CheckModules, Entry, EntryOf, HealthOptions, Settings } from '../types/options.js'
export type { CheckSettings, Details, ListenOptions, LogLevel, Service } from '../types/settings.js'
export type {
  Failure, FailureKind, Mute, MuteOptions, Observation, Report, Result, SystemCheck, SystemCheckId, Transition, Verdict,
} from '../types/report.js'
