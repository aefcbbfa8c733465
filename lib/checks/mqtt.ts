import { HealthCheck } from '../check.js'
import { clientRule, type ClientOption } from '../clients/client.js'
import { eitherRequirements, withEither, type Given, type Way } from '../clients/either.js'
import { wordsFor } from '../clients/driver-errors.js'
import { withoutDriver } from '../clients/requirements.js'
import { ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { decodableUrl } from '../values/rules.js'
import type { CheckContext, OptionRules, RequirementsContext, RulesOf } from '../../types/check.js'

/** The part of a client of MQTT.js that the check uses. */
export interface MqttLike {
  readonly connected: boolean
  publishAsync (topic: string, message: string, options: { qos: 1 }): Promise<unknown>
}

/** The options. Exactly one of `client` and `url` must be given. */
export interface MqttOptions {
  /** A client of MQTT.js: the name of a decorator (dots reach into it), a function of the app, or the client itself. */
  client?: ClientOption<MqttLike>
  /** The URL, `mqtt://`, `mqtts://`, `ws://` or `wss://`. The check opens a connection, and keeps it between runs. */
  url?: string
}

// Nobody has a reason to subscribe to this topic. The message is empty and not retained, so it leaves nothing at the broker.
const topic = 'fastify-health/probe'

type Driver = Pick<typeof import('mqtt'), 'connect'>

const way: Way<MqttLike, Driver, string> = {
  kind: {
    takes: 'a client of MQTT.js',
    fits: value => typeof value === 'object' && value !== null && 'publishAsync' in value && typeof value.publishAsync === 'function' &&
      'connected' in value,
    hint: "Decorate it: app.decorate('mqtt', mqtt.connect(…)), or give the check a `url`.",
  },
  own: 'url',
  driver: { name: 'mqtt', load: async () => (await import('mqtt').catch(withoutDriver('mqtt'))).default },
  connect (driver, url) {
    const client = driver.connect(url, { reconnectPeriod: 0, protocolVersion: 5 })
    let isLost = false
    const closed = new Promise<never>((_resolve, reject) => {
      const lose = (error: Error) => {
        isLost = true
        reject(error)
      }
      client.on('error', lose)
      client.once('close', () => lose(new ServiceUnavailable('connection lost')))
    })
    const connected = new Promise<MqttLike>(resolve => {
      client.once('connect', () => resolve({
        get connected () { return client.connected },
        // If the connection is lost, the client keeps the message and does not settle, so the loss is awaited as well.
        publishAsync: async (topic, message, options) => await Promise.race([client.publishAsync(topic, message, options), closed]),
      }))
    })
    return {
      connected: Promise.race([connected, closed]),
      isLost: () => isLost,
      sayGoodbye: async () => await client.endAsync(),
      destroy: () => client.end(true),
    }
  },
}

/** Passes if the broker acknowledges a message of quality of service 1, which nobody receives. */
export class MqttCheck extends HealthCheck<MqttOptions> {
  static override readonly rules: OptionRules = {
    client: clientRule(way.kind),
    url: decodableUrl(['mqtt', 'mqtts', 'ws', 'wss']),
  } satisfies RulesOf<MqttOptions>

  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    return await eitherRequirements(way, this.#given(), context)
  }

  override async check (context: CheckContext) {
    try {
      await withEither(context, way, this.#given(), publish)
    } catch (error) {
      throw explained(error)
    }
  }

  #given (): Given<MqttLike, string> {
    return { client: this.options.client, own: this.options.url }
  }
}

async function publish (client: MqttLike): Promise<void> {
  // A client without a connection would keep the message of every probe until it is connected again.
  if (!client.connected) throw new ServiceUnavailable('client is not connected')
  await client.publishAsync(topic, '', { qos: 1 })
}

// The words for the reason codes of MQTT 3.1.1 and 5: https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901031
const wordsByReason = new Map([
  [3, 'starting up or shutting down'], [4, 'authentication failed'], [5, 'authentication failed'], [0x86, 'authentication failed'],
  [0x87, 'permission denied'], [0x88, 'starting up or shutting down'], [0x89, 'too many connections'], [0x97, 'quota exceeded'],
])

function explained (error: unknown): unknown {
  const { code, message = '' } = error as { code?: unknown, message?: string }
  if (typeof code === 'number') {
    // Brokers also answer "not authorized" to a wrong password.
    const words = code === 0x87 && message.startsWith('Connection refused') ? 'authentication failed' : wordsByReason.get(code)
    return new ServiceUnavailable(words ?? `refused with code ${code}`, { cause: error })
  }
  if (wordsFor(error) === undefined && /^(?:Invalid header flag|Malformed|Cannot parse|.*[Rr]emaining length|Unknown )/.test(message)) {
    return new ServiceReturnedUnexpectedResult('what answers does not speak MQTT', { cause: error })
  }
  return error
}

export default MqttCheck
