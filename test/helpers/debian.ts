export { missing, needs, program, pythonWith } from './install-servers.js'
export type { Need } from './install-servers.js'
