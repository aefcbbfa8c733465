import { lacking } from '../errors.js'
import { clientRequirements, withClient, type ClientKind, type ClientOption } from './client.js'
import { needsDriver } from './requirements.js'
import type { Connection } from './shared-connection.js'
import type { CheckContext, Requirement, RequirementsContext } from '../../types/check.js'

/** The two ways in which a check asks its server: over a client of the app, or over a connection that the check opens. */
export interface Way<Client, Driver, Given> {
  readonly kind: ClientKind
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

export async function eitherRequirements<Client, Driver, Own> (way: Way<Client, Driver, Own>, given: Given<Client, Own>, context: RequirementsContext): Promise<Requirement[]> {
  const misgiven = faultOf(way.own, given)
  if (misgiven !== undefined) return [misgiven]
  if (given.client !== undefined) return await clientRequirements(context, { client: given.client, kind: way.kind })
  return way.driver === undefined ? [] : await needsDriver(way.driver.name, way.driver.load)
}

/** Lends the client or the connection to `use`, as `withClient` does. */
export async function withEither<Client, T, Driver, Own> (
  context: CheckContext,
  way: Way<Client, Driver, Own>,
  given: Given<Client, Own>,
  use: (client: Client) => T | Promise<T>
): Promise<T> {
  const misgiven = faultOf(way.own, given)
  if (misgiven !== undefined) throw lacking([misgiven])
  const { kind, own, driver, connect } = way
  if (given.client !== undefined) return await withClient<Client, T>(context, { client: given.client, kind }, use)
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
