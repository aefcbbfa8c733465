import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { once } from 'node:events'
import { program } from './debian.js'
import { freePort, launch } from './server.js'
import type { Scope, Server } from './server.js'
import type { Certificate } from './certificates.js'

export interface Nginx extends Server {
  /** Has it present another certificate, and its chain, from its next start on. */
  present (...chain: readonly [Certificate, ...Certificate[]]): void
}

/** An nginx of its own that serves `pong` over TLS. `lines` go into its `server`. */
export async function startNginx (t: Scope, chain: readonly [Certificate, ...Certificate[]], lines = ''): Promise<Nginx> {
  const port = await freePort()
  const present = (folder: string, [own, ...others]: readonly [Certificate, ...Certificate[]]) => {
    writeFileSync(join(folder, 'shop.crt'), [own, ...others].map(({ cert }) => cert).join('\n'))
    writeFileSync(join(folder, 'shop.key'), own.key)
  }
  const running = await launch(t, 'nginx', ({ folder }) => {
    present(folder, chain)
    writeFileSync(join(folder, 'nginx.conf'), `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate shop.crt;
    ssl_certificate_key shop.key;
    ${lines}
    location / { return 200 'pong'; }
  }
}
`)
    return {
      command: program('nginx'),
      args: ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')],
      answers: async () => {
        const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
        try {
          await once(socket, 'secureConnect')
        } finally {
          socket.destroy()
        }
      },
    }
  }, { port })
  return Object.assign(running, { port, url: `https://127.0.0.1:${port}`, present: (...chain: readonly [Certificate, ...Certificate[]]) => present(running.folder, chain) })
}
