import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Certificate } from './certificates.js'
import { pythonWith } from './debian.js'
import { freePort, launch } from './server.js'
import type { Scope, Server } from './server.js'

export interface GRPCServer extends Server {
  /** The status of each service from now on: a number, or the name of an error of gRPC. */
  say (statuses: Readonly<Record<string, number | string>>): void
}

/** A server of python3-grpcio's, with a health service. With a `ca` it lets those in that have a certificate of it. */
export async function startGRPC (t: Scope, { certificate, ca }: { certificate?: Certificate, ca?: string } = {}): Promise<GRPCServer> {
  const port = await freePort()
  const say = (folder: string, statuses: Readonly<Record<string, number | string>>) => {
    writeFileSync(join(folder, 'statuses'), Object.entries(statuses).map(([service, status]) => `${service}=${status}\n`).join(''))
  }
  const running = await launch(t, 'gRPC', ({ folder }) => {
    say(folder, { '': 1 })
    if (certificate !== undefined) {
      writeFileSync(join(folder, 'shop.crt'), certificate.cert)
      writeFileSync(join(folder, 'shop.key'), certificate.key)
    }
    if (ca !== undefined) writeFileSync(join(folder, 'ca.crt'), ca)
    return {
      command: pythonWith('grpc'),
      args: [fileURLToPath(new URL('../fixtures/grpc/server.py', import.meta.url)), String(port), certificate === undefined ? 'none' : ca === undefined ? 'tls' : 'mutual'],
      answers: async () => {
        const socket = connect(port, '127.0.0.1')
        try {
          await once(socket, 'connect')
        } finally {
          socket.destroy()
        }
      },
    }
  }, { port })
  return Object.assign(running, { port, url: `127.0.0.1:${port}`, say: (statuses: Readonly<Record<string, number | string>>) => say(running.folder, statuses) })
}
