import { HealthCheck } from '../check.js'
import { clientRule, type ClientOption } from '../clients/client.js'
import { eitherRequirements, withEither, type Given, type Way } from '../clients/either.js'
import { wordsFor } from '../clients/driver-errors.js'
import { withoutDriver } from '../clients/requirements.js'
import { ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { decodableUrl } from '../values/rules.js'
import type { CheckContext, OptionRules, RequirementsContext } from '../../types/check.js'

/** What is asked of a client of MQTT.js. */
export interface MqttLike {
  readonly connected: boolean
  publishAsync (topic: string, message: string, options: { qos: 1 }): Promise<unknown>
}

/** One of the two. */
export interface MqttOptions {
  /** A client of MQTT.js: the name of a decorator, which dots may reach into, a function of the app, or the client itself. */
  client?: ClientOption<MqttLike>
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`, for a connection of the check's own, kept between runs. */
  url?: string
}

// Nobody has a reason to subscribe to it. An empty message that is not retained leaves nothing with the broker.
const topic = 'fastify-health/probe'

type Driver = Pick<typeof import('mqtt'), 'connect'>

const way: Way<MqttLike, Driver, string> = {
  kind: {
    takes: 'a client of MQTT.js',
    fits: value => typeof value === 'object' && value !== null && 'publishAsync' in value && typeof value.publishAsync === 'function' && 'connected' in value,
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
        // A client that lost its connection keeps what was not acknowledged, and says nothing.
        publishAsync: async (topic, message, options) => await Promise.race([client.publishAsync(topic, message, options), closed]),
      }))
    })
    return {
      connected: Promise.race([connected, closed]),
      isLost: () => isLost,
      sayGoodbye: async () => { await Promise.race([client.endAsync(), new Promise(resolve => setTimeout(resolve, 250))]) },
      destroy: () => client.end(true),
    }
  },
}

/** Passes when the broker acknowledges a message of quality of service 1 that nobody receives. */
export class MqttCheck extends HealthCheck<MqttOptions> {
  static override readonly rules: OptionRules = {
    client: clientRule(way.kind),
    url: decodableUrl(['mqtt', 'mqtts', 'ws', 'wss']),
  }

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
  // It would keep the message until it is connected again, and so one of each probe.
  if (!client.connected) throw new ServiceUnavailable('client is not connected')
  await client.publishAsync(topic, '', { qos: 1 })
}

// Reason codes, of MQTT 3.1.1 and 5. https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901031
const reasons = new Map([
  [3, 'starting up or shutting down'], [4, 'authentication failed'], [5, 'authentication failed'], [0x86, 'authentication failed'],
  [0x87, 'permission denied'], [0x88, 'starting up or shutting down'], [0x89, 'too many connections'], [0x97, 'quota exceeded'],
])

function explained (error: unknown): unknown {
  const { code, message = '' } = error as { code?: unknown, message?: string }
  if (typeof code === 'number') {
    // Brokers say "not authorized" for a wrong password, too.
    const words = code === 0x87 && message.startsWith('Connection refused') ? 'authentication failed' : reasons.get(code)
    return new ServiceUnavailable(words ?? `refused with code ${code}`, { cause: error })
  }
  if (wordsFor(error) === undefined && /^(?:Invalid header flag|Malformed|Cannot parse|.*[Rr]emaining length|Unknown )/.test(message)) {
    return new ServiceReturnedUnexpectedResult('what answers does not speak MQTT', { cause: error })
  }
  return error
}

export default MqttCheck
