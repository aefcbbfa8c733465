/** The error of a call that failed. */
export interface GRPCError extends Error {
  readonly code: number
  readonly details: string
}

/** The members of a client of @grpc/grpc-js that a check uses. */
export interface GRPCLike {
  getChannel (): { getConnectivityState (tryToConnect: boolean): number }
  makeUnaryRequest (
    method: string,
    serialize: (service: string) => Buffer,
    deserialize: (bytes: Buffer) => Buffer,
    service: string,
    options: { deadline: number },
    callback: (error: GRPCError | null, answer?: Buffer) => void
  ): { cancel (): void }
}

/** The numbers of `connectivityState` that are needed here. */
export const connectivity = { READY: 2, SHUTDOWN: 4 } as const

export function connectivityOf (client: Pick<GRPCLike, 'getChannel'>): number {
  return client.getChannel().getConnectivityState(false)
}
