import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'amqplib'
import type { Certificate } from './certificates.js'
import { program } from './debian.js'
import { freePort, launch } from './server.js'
import type { Scope, Server } from './server.js'

export interface RabbitMQOptions {
  /** Virtual hosts besides `/`, which the user of the URL may use. */
  vhosts?: string[]
  /** For TLS, in place of plain TCP. */
  certificate?: Certificate
}

export interface RabbitMQ extends Server {
  readonly user: string
  readonly password: string
  /** The URL of a virtual host; `url` is that of `/`. */
  urlOf (vhost: string): string
  /** Runs rabbitmqctl against this node, and gives what it prints. @throws {Error} with all it printed, when it fails */
  ctl (...args: string[]): Promise<string>
}

/** A RabbitMQ of its own, without plugins. It takes several seconds to start: share one among the tests of a file. */
export async function startRabbitMQ (t: Scope, { vhosts = [], certificate }: RabbitMQOptions = {}): Promise<RabbitMQ> {
  const port = await freePort()
  const user = 'health'
  const password = 'correct-horse'
  const origin = `${certificate === undefined ? 'amqp' : 'amqps'}://${user}:${password}@127.0.0.1:${port}`
  const env: Record<string, string> = {
    // The name may be the same for all, since each has a name service of its own, beside the system's.
    RABBITMQ_NODENAME: 'rabbit@localhost',
    ERL_EPMD_PORT: String(await freePort()),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_DIST_PORT: String(await freePort()),
    // Debian's own settings, in /etc/rabbitmq, are the system's.
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
  }
  const running = await launch(t, 'RabbitMQ', ({ folder }) => {
    const place = (name: string): string => join(folder, name)
    writeFileSync(place('enabled_plugins'), '[].\n')
    writeFileSync(place('definitions.json'), JSON.stringify(definitions(user, password, ['/', ...vhosts])))
    writeFileSync(place('rabbitmq.conf'), [
      ...(certificate === undefined
        ? [`listeners.tcp.1 = 127.0.0.1:${port}`]
        : ['listeners.tcp = none', `listeners.ssl.1 = 127.0.0.1:${port}`, `ssl_options.certfile = ${certificate.certFile}`, `ssl_options.keyfile = ${certificate.keyFile}`]),
      'loopback_users = none',
      `load_definitions = ${place('definitions.json')}`,
      'log.console = true',
      'log.console.level = warning',
      'log.file = false',
    ].join('\n'))
    Object.assign(env, {
      RABBITMQ_CONFIG_FILE: place('rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: place('enabled_plugins'),
      RABBITMQ_MNESIA_BASE: place('mnesia'),
      RABBITMQ_LOG_BASE: place('log'),
      RABBITMQ_PID_FILE: place('pid'),
    })
    return {
      command: program('rabbitmq-server'),
      args: [],
      env,
      grace: 10_000,
      async answers () {
        const connection = await connect(origin, { timeout: 2000, rejectUnauthorized: false })
        await connection.close()
      },
    }
  }, { port })
  return Object.assign(running, {
    port,
    url: origin,
    user,
    password,
    urlOf: (vhost: string) => `${origin}/${encodeURIComponent(vhost)}`,
    ctl: (...args: string[]) => running.run(program('rabbitmqctl'), args, env),
  })
}

/** Loaded while it boots: with rabbitmqctl each of these lines would take half a second more. */
function definitions (user: string, password: string, vhosts: string[]): object {
  const salt = randomBytes(4)
  const hash = createHash('sha256').update(salt).update(password).digest()
  return {
    users: [{ name: user, password_hash: Buffer.concat([salt, hash]).toString('base64'), hashing_algorithm: 'rabbit_password_hashing_sha256', tags: 'administrator' }],
    vhosts: vhosts.map((name) => ({ name })),
    permissions: vhosts.map((vhost) => ({ user, vhost, configure: '.*', write: '.*', read: '.*' })),
  }
}
