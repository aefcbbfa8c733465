/** The order of results. */
export function byIdentifier (a: { readonly identifier: string }, b: { readonly identifier: string }): number {
  return a.identifier < b.identifier ? -1 : a.identifier > b.identifier ? 1 : 0
}
