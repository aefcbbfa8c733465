import type { TLSMaterial } from './tls.js'

/** TLS of a gRPC connection. */
export interface GRPCTLS extends TLSMaterial {
  /**
   * The name that the server's certificate must be for.
   *
   * @default the host of `target`
   */
  servername?: string
}

/** A server and the TLS towards it. */
export interface GRPCTarget {
  readonly target: string
  readonly tls?: boolean | GRPCTLS | undefined
}

/** Returns the TLS material of the options. */
export function materialOf (tls: GRPCTarget['tls']) {
  const { ca, cert, key } = typeof tls === 'object' ? tls : {}
  return { ca, cert, key }
}
