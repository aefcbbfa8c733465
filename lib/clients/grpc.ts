import { lacking, ServiceUnavailable } from '../errors.js'
import { abortable } from '../time/abortable.js'
import { interruptionOf } from '../time/stop-signal.js'
import { isPlain } from '../values/plain-data.js'
import { flag, rule, withoutNul } from '../values/rules.js'
import { clientRule, hasMethods, type ClientOption } from './client.js'
import { eitherRequirements, withEither, type Given, type Way } from './either.js'
import { connectivity, connectivityOf, type GRPCLike } from './grpc-client.js'
import { explained, notGRPC } from './grpc-errors.js'
import { decodeResponse, encodeRequest, type HealthCheckResponse } from './grpc-health.js'
import { grpcConnection, type GRPCDriver } from './grpc-own.js'
import { materialOf, type GRPCTarget, type GRPCTLS } from './grpc-target.js'
import { withoutDriver } from './requirements.js'
import { pem, tlsRequirements } from './tls.js'
import type { CheckContext, Requirement, RequirementsContext, RulesOf } from '../../types/check.js'

/** Exactly one of `client` and `target` must be given. */
export interface GRPCSource {
  /** A client of @grpc/grpc-js: the name of a decorator, which dots may reach into, a function of the app, or the client itself. */
  client?: ClientOption<GRPCLike>
  /**
   * The server that the check connects to, in the notation of gRPC: `orders:50051`, `dns:///orders:50051`, `unix:/run/orders.sock`. The
   * default port is 443. The connection is kept between runs.
   */
  target?: string
  /**
   * `true` connects to the `target` with TLS. An object does the same, with these options of TLS.
   *
   * @default false
   */
  tls?: boolean | GRPCTLS
}

const tlsTests: Readonly<Record<keyof GRPCTLS, (value: unknown) => boolean>> = {
  ca: pem().test,
  cert: pem().test,
  key: pem().test,
  servername: withoutNul('').test,
}

const way: Way<GRPCLike, GRPCDriver, GRPCTarget> = {
  kind: {
    takes: 'a client of @grpc/grpc-js',
    fits: value => hasMethods(value, 'makeUnaryRequest') && hasMethods(value, 'getChannel'),
    hint: "Decorate it: app.decorate('orders', new OrdersClient(…)), or give the check a `target`.",
  },
  own: 'target',
  driver: {
    name: '@grpc/grpc-js',
    load: async () => ({ grpc: await import('@grpc/grpc-js').catch(withoutDriver('@grpc/grpc-js')), tls: await import('node:tls') }),
  },
  connect: grpcConnection,
}

export const grpcRules = {
  client: clientRule(way.kind),
  target: rule("the target of a gRPC server, such as 'orders:50051' or 'unix:/run/orders.sock'", value =>
    typeof value === 'string' && isTarget(value)),
  tls: rule('true, false, or an object with any of: ca, cert, key (PEM), servername', value => flag().test(value) || (isPlain(value) &&
    Object.entries(value).every(([name, given]) =>
      Object.hasOwn(tlsTests, name) && (given === undefined || tlsTests[name as keyof GRPCTLS](given)))), { secret: true }),
} satisfies RulesOf<GRPCSource>

export async function grpcRequirements (source: GRPCSource, context: RequirementsContext): Promise<Requirement[]> {
  const misplaced = misplacedIn(source)
  if (misplaced !== undefined) return [misplaced]
  return [...await eitherRequirements(way, givenBy(source), context), ...await tlsRequirements(materialOf(source.tls))]
}

/** The deadline in the request is this many milliseconds after the end of the run, since the error of the run says more about the time. */
const margin = 1000

/** Asks the server's health service about a service. */
export async function healthOf (context: CheckContext, source: GRPCSource, service: string): Promise<HealthCheckResponse> {
  const misplaced = misplacedIn(source)
  if (misplaced !== undefined) throw lacking([misplaced])
  const signal = interruptionOf(context)
  const bytes = await withEither(context, way, givenBy(source), async client => {
    if (connectivityOf(client) === connectivity.SHUTDOWN) throw new ServiceUnavailable('client is closed')
    let call!: ReturnType<GRPCLike['makeUnaryRequest']>
    const answered = new Promise<Buffer>((resolve, reject) => {
      const deadline = Date.now() + context.timeout + margin
      const encode = (service: string) => encodeRequest({ service })
      call = client.makeUnaryRequest('/grpc.health.v1.Health/Check', encode, bytes => bytes, service, { deadline }, (error, bytes) => {
        if (error === null) resolve(bytes as Buffer)
        else reject(explained(error, connectivityOf(client)))
      })
    })
    return await abortable(answered, signal, () => call.cancel())
  })
  try {
    return decodeResponse(bytes)
  } catch (error) {
    throw notGRPC(error)
  }
}

/** Returns the fault of TLS options that the check would ignore. */
function misplacedIn ({ client, tls }: GRPCSource): Requirement | undefined {
  if (client === undefined || tls === undefined) return undefined
  return { message: '`tls` is given with `client`', hint: 'Leave this out: a client of the app is made with TLS of its own.' }
}

function givenBy ({ client, target, tls }: GRPCSource): Given<GRPCLike, GRPCTarget> {
  return { client, own: target === undefined ? undefined : { target, tls } }
}

/** Returns whether gRPC can resolve the target without a resolver of its own: https://github.com/grpc/grpc/blob/master/doc/naming.md */
function isTarget (target: string): boolean {
  if (/^unix:(?:\/\/(?=\/))?[^\0]+$/.test(target)) return true
  const [, name, port = '443'] = /^(?:dns:(?:\/\/\/)?|ipv[46]:)?(\[[\da-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i.exec(target) ?? []
  return name !== undefined && Number(port) >= 1 && Number(port) <= 65_535
}
