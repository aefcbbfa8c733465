import { FST_HEALTH_USAGE } from '../errors.js'
import type { Manifest } from './input.js'
import { needsHttp, questionOf } from './questions.js'
import { requestPath } from './quoting.js'

/** Writes a backend that asks each server for readiness: https://docs.haproxy.org/2.6/configuration.html#4.2-option%20httpchk */
export const haproxy: Manifest = input => {
  const { name, port } = input
  needsHttp(input, 'HAProxy')
  const question = questionOf(input, 'readiness')
  if (question?.path === undefined) throw new FST_HEALTH_USAGE('HAProxy asks a web app for its readiness: make a subset of that name.')
  const { path, timeoutSeconds } = question
  return `# Takes a server out while it is not ready, and back in. List every server in place of the one that is here.
backend ${name}
    option httpchk GET ${requestPath(path)}
    http-check expect status 200
    timeout check ${timeoutSeconds}s
    default-server check inter ${Math.max(5, timeoutSeconds)}s fall 2 rise 2
    server ${name}-1 127.0.0.1:${port}
`
}
