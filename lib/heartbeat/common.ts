import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rule } from '../values/rules.js'

/** The file that a worker touches, and that the check looks at, if they have no option `file`. */
export const defaultFile = join(tmpdir(), 'fastify-health.heartbeat')

/** The rule for the name of a cluster. A brace would end the hash tag that keeps the keys in one slot of a Redis Cluster. */
export const clusterName = rule(
  'a non-empty string without braces',
  value => typeof value === 'string' && /^[^{}]+$/.test(value),
  { required: true }
)
