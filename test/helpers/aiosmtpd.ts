import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Certificate } from './certificates.js'
import { pythonWith } from './debian.js'
import { exchange, freePort, launch } from './server.js'
import type { Scope, Server } from './server.js'

const script = `
import asyncio
import json
import os
import ssl
import sys
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

options = json.loads(sys.argv[1])

def authenticate(server, session, envelope, mechanism, data):
    with open('password') as file:
        expected = file.read()
    ok = isinstance(data, LoginPassword) and data.login == b'shop' and data.password.decode() == expected
    return AuthResult(success=ok, handled=False)

class Handler:
    async def handle_DATA(self, server, session, envelope):
        with open('mails', 'a') as file:
            file.write('mail')
        return '250 taken'

context = None
if options['tls'] != 'none':
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain('shop.crt', 'shop.key')

def session():
    starts = options['tls'] == 'starttls'
    return SMTP(Handler(), tls_context=context if starts else None, require_starttls=starts, hostname='shop',
                authenticator=authenticate if options['login'] else None, auth_required=options['login'], auth_require_tls=starts)

async def serve():
    server = await asyncio.get_running_loop().create_server(session, '127.0.0.1', options['port'], ssl=context if options['tls'] == 'always' else None)
    await server.serve_forever()

asyncio.run(serve())
`

export interface SMTPServer extends Server {
  readonly user: string
  readonly password: string
  /** Only this password is right from now on. */
  expect (password: string): void
}

export interface SMTPServerOptions {
  certificate?: Certificate
  /** Whether the client has to ask for TLS, or speaks it from the first byte. */
  tls?: 'starttls' | 'always' | 'none'
  /** Whether there are users. */
  login?: boolean
}

/** A mail server of its own, which Python's aiosmtpd is, with one user. It writes a file for every mail. */
export async function startSMTP (t: Scope, { certificate, tls = certificate === undefined ? 'none' : 'starttls', login = true }: SMTPServerOptions = {}): Promise<SMTPServer> {
  const port = await freePort()
  const [user, password] = ['shop', 'canary-secret']
  const running = await launch(t, 'SMTP', ({ folder }) => {
    writeFileSync(join(folder, 'smtp.py'), script)
    writeFileSync(join(folder, 'password'), password)
    if (certificate !== undefined) {
      writeFileSync(join(folder, 'shop.crt'), certificate.cert)
      writeFileSync(join(folder, 'shop.key'), certificate.key)
    }
    return {
      command: pythonWith('aiosmtpd'),
      args: ['smtp.py', JSON.stringify({ port, tls, login })],
      answers: async () => {
        if (tls === 'always') await connects(port)
        else await exchange(port, '', '220 ')
      },
    }
  }, { port })
  const scheme = tls === 'always' ? 'smtps' : 'smtp'
  const account = login ? `${user}:${encodeURIComponent(password)}@` : ''
  return Object.assign(running, {
    port,
    user,
    password,
    url: `${scheme}://${account}127.0.0.1:${port}`,
    expect: (password: string) => writeFileSync(join(running.folder, 'password'), password),
  })
}

async function connects (port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
  } finally {
    socket.destroy()
  }
}
