/** A proxy that throws at every access. */
export function revoked<T extends object> (target: T): T {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

/** A proxy whose members can be listed, and not be read. */
export function unreadable<T extends object> (target: T): T {
  return new Proxy(target, { get () { throw new Error('not now') } })
}
