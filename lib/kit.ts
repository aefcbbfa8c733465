/** The functions that the built-in checks are made with. Your own checks can use them too. */
export {
  clientRequirements, clientRule, withClient, type ClientKind, type ClientOfApp, type ClientOption, type OwnConnection,
} from './clients/client.js'
export { explain } from './clients/driver-errors.js'
export { needsDriver, withoutDriver } from './clients/requirements.js'
export type { Connection } from './clients/shared-connection.js'
export { abortable } from './time/abortable.js'
export { flag, func, milliseconds, numeric, oneOf, rule, text, texts, url } from './values/rules.js'
