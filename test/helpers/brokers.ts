import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { program } from './debian.js'
import type { Certificate } from './certificates.js'
import { exchange, freePort, launch, type Scope, type Server } from './server.js'

export interface NatsServer extends Server {
  /** From the next start on. */
  expect (password: string): void
}

/** A NATS server of its own, with a user, and with TLS where there is a certificate. */
export async function startNats (t: Scope, { user = 'health', password = 'correct-horse', certificate, authorization }: {
  user?: string, password?: string, certificate?: Certificate, authorization?: string,
} = {}): Promise<NatsServer> {
  const port = await freePort()
  let expected = password
  const running = await launch(t, 'NATS', ({ folder }) => {
    const file = join(folder, 'nats.conf')
    const write = () => writeFileSync(file, [
      `listen: 127.0.0.1:${port}`,
      authorization ?? `authorization { user: "${user}", password: "${expected}", timeout: 20 }`,
      'max_connections: 20',
      certificate === undefined ? '' : `tls { cert_file: "${certificate.certFile}", key_file: "${certificate.keyFile}", timeout: 20 }`,
    ].join('\n'))
    return {
      command: program('nats-server'),
      get args () {
        write()
        return ['-c', file]
      },
      answers: async () => await exchange(port, '', 'INFO '),
    }
  }, { port })
  return Object.assign(running, {
    port,
    url: `nats://${user}:${password}@127.0.0.1:${port}`,
    expect (password: string) { expected = password },
  })
}

export interface Mosquitto extends Server {
  /** From the next start on. */
  expect (password: string): Promise<void>
}

/** A mosquitto of its own, with a user. */
export async function startMosquitto (t: Scope, { user = 'health', password = 'correct-horse', acl }: { user?: string, password?: string, acl?: string } = {}): Promise<Mosquitto> {
  const port = await freePort()
  const running = await launch(t, 'Mosquitto', async place => {
    const [file, passwords, rules] = [join(place.folder, 'mosquitto.conf'), join(place.folder, 'passwords'), join(place.folder, 'acl')]
    await place.run(program('mosquitto_passwd'), ['-b', '-c', passwords, user, password])
    if (acl !== undefined) writeFileSync(rules, acl)
    writeFileSync(file, [
      // Started by root, it would become another user, who cannot read what is here.
      'user root',
      `listener ${port} 127.0.0.1`,
      'allow_anonymous false',
      `password_file ${passwords}`,
      ...(acl === undefined ? [] : [`acl_file ${rules}`]),
      '',
    ].join('\n'))
    // CONNECT of MQTT 3.1.1 without a user: the answer is that it is refused.
    const hello = '\x10\x0d\x00\x04MQTT\x04\x02\x00\x05\x00\x01x'
    return { command: program('mosquitto'), args: ['-c', file], answers: async () => await exchange(port, hello, '\x20\x02') }
  }, { port })
  return Object.assign(running, {
    port,
    url: `mqtt://${user}:${password}@127.0.0.1:${port}`,
    async expect (password: string) {
      await running.run(program('mosquitto_passwd'), ['-b', join(running.folder, 'passwords'), user, password])
    },
  })
}

/** A memcached of its own. */
export async function startMemcached (t: Scope): Promise<Server> {
  const port = await freePort()
  const running = await launch(t, 'Memcached', () => ({
    command: program('memcached'),
    args: ['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-m', '8', '-u', 'root'],
    answers: async () => await exchange(port, 'version\r\n', 'VERSION '),
  }), { port })
  return Object.assign(running, { port, url: `127.0.0.1:${port}` })
}
