import { HealthCheck } from '../check.js'
import { grpcRequirements, grpcRules, healthOf, type GRPCSource } from '../clients/grpc.js'
import { servingStatus } from '../clients/grpc-health.js'
import { ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { rule } from '../values/rules.js'
import type { CheckContext, OptionRules, RequirementsContext, RulesOf } from '../../types/check.js'

export interface GRPCOptions extends GRPCSource {
  /**
   * The service that is asked for, such as `shop.v1.Orders`. The empty string stands for the server as a whole.
   *
   * @default ''
   */
  service?: string
}

/** Passes when the health service of a gRPC server says SERVING: https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
export class GRPCCheck extends HealthCheck<GRPCOptions> {
  static override readonly rules: OptionRules = {
    ...grpcRules,
    service: rule('a string', value => typeof value === 'string'),
  } satisfies RulesOf<GRPCOptions>

  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    return await grpcRequirements(this.options, context)
  }

  override async check (context: CheckContext) {
    const { service = '' } = this.options
    const { status } = await healthOf(context, this.options, service)
    switch (status) {
      case servingStatus.SERVING: return
      case servingStatus.NOT_SERVING: throw new ServiceUnavailable('not serving')
      case servingStatus.SERVICE_UNKNOWN: throw new ServiceReturnedUnexpectedResult('the server knows no such service')
      default: throw new ServiceReturnedUnexpectedResult(`the server says status ${status}`)
    }
  }
}

export default GRPCCheck
