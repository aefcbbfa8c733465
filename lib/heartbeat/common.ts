import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rule } from '../values/rules.js'

/** Where a worker beats and where the check looks, unless told otherwise: in the system's temporary folder. */
export const defaultFile = join(tmpdir(), 'fastify-health.heartbeat')

/** The rule for a cluster's name: braces would end the hash tag that keeps its keys in one slot of a Redis Cluster. */
export const clusterName = rule('a non-empty string without braces', value => typeof value === 'string' && /^[^{}]+$/.test(value), { required: true })
