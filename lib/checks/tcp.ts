import { connect } from 'node:net'
import { HealthCheck } from '../check.js'
import { unavailable } from '../clients/driver-errors.js'
import { withSocket } from '../clients/sockets.js'
import { interruptionOf } from '../time/stop-signal.js'
import { port, withoutNul } from '../values/rules.js'
import type { CheckContext, OptionRules, RulesOf } from '../../types/check.js'

export interface TCPOptions {
  /** The name or address of the server. */
  host: string
  /** The port, 1 to 65535. */
  port: number
}

/** Passes if a TCP connection can be made. The connection is closed at once, and nothing is sent. */
export class TCPCheck extends HealthCheck<TCPOptions> {
  static override readonly rules: OptionRules = {
    host: withoutNul('the name or address of a host', { required: true }),
    port: port({ required: true }),
  } satisfies RulesOf<TCPOptions>

  static override readonly scope = 'shared'

  override async check (context: CheckContext) {
    const { host, port } = this.options
    try {
      await withSocket(connect({ host, port }), 'connect', interruptionOf(context), () => {})
    } catch (error) {
      throw unavailable(error)
    }
  }
}

export default TCPCheck
