import { lacking } from '../errors.js'
import { clientRequirements, withClient, type ClientKind, type ClientOption } from './client.js'
import { poolRequirements, withPoolOfApp, type Busy, type PoolKind } from './pool-of-app.js'
import { needsDriver, neverExhausted } from './requirements.js'
import type { Connection } from './shared-connection.js'
import type { CheckContext, Requirement, RequirementsContext } from '../../types/check.js'
import type { WhenExhausted } from '../../types/sources.js'

/** The two ways in which a check asks its server: over a client of the app, or over a connection that the check opens. */
export interface Way<Client, Driver, Given> {
  readonly kind: ClientKind
  /** The pools among the clients. It is absent if a client is never a pool. */
  readonly pools?: PoolKind<Client>
  /** The option that makes the check open a connection, such as `url`. */
  readonly own: string
  /** The package that makes the connection, if one is needed. */
  readonly driver?: { readonly name: string, readonly load: () => Promise<Driver> }
  readonly connect: (driver: Driver, given: Given) => Connection<Client>
}

/** The options of a check. Exactly one of the two must be given. */
export interface Given<Client, Own> {
  readonly client: ClientOption<Client> | undefined
  readonly own: Own | undefined
}

export async function eitherRequirements<Client, Driver, Own> (
  way: Way<Client, Driver, Own>,
  given: Given<Client, Own>,
  context: RequirementsContext,
  whenExhausted?: WhenExhausted
): Promise<Requirement[]> {
  const misgiven = faultOf(way.own, given) ?? neverExhausted({ [way.own]: given.own, whenExhausted })
  if (misgiven !== undefined) return [misgiven]
  const { client } = given
  const { kind, pools } = way
  if (client !== undefined) {
    return pools === undefined
      ? await clientRequirements(context, { client, kind })
      : await poolRequirements(context, { client, kind }, pools, whenExhausted)
  }
  return way.driver === undefined ? [] : await needsDriver(way.driver.name, way.driver.load)
}

/** Lends the client or the connection to `use`, as `withClient` does. */
export async function withEither<Client extends object, T, Driver, Own> (
  context: CheckContext,
  way: Way<Client, Driver, Own>,
  given: Given<Client, Own>,
  use: (client: Client) => Promise<T>,
  busy?: Busy
): Promise<T> {
  const misgiven = faultOf(way.own, given)
  if (misgiven !== undefined) throw lacking([misgiven])
  const { kind, pools, own, driver, connect } = way
  const { client } = given
  if (client !== undefined && pools !== undefined && busy !== undefined) {
    return await withPoolOfApp(context, { client, kind }, pools, busy, use)
  }
  if (client !== undefined) return await withClient<Client, T>(context, { client, kind }, use)
  return await withClient<Client, T, Driver>(context, {
    key: `${kind.takes} ${own} ${JSON.stringify(given.own)}`,
    ...(driver === undefined ? {} : { load: driver.load }),
    connect: driver => connect(driver, given.own as Own),
  }, use)
}

function faultOf (own: string, given: Given<unknown, unknown>): Requirement | undefined {
  if ((given.client === undefined) !== (given.own === undefined)) return undefined
  return {
    message: given.own === undefined ? `neither \`client\` nor \`${own}\` is given` : `both \`client\` and \`${own}\` are given`,
    hint: `Give \`client\` for a client of the app, or \`${own}\` for a connection of its own.`,
  }
}
