// A scheme, a login that ends with the last @ of the authority, the hosts, and the rest.
const form = /^([a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?)([^/?#@]*,[^/?#@]*)((?:[/?#].*)?)$/is

/** A URL for each host of one that names several, such as `postgres://user@one:5432,two:5433/shop`. Any other text is the only one. */
export function urlsOf (text: string): string[] {
  const [, before = '', hosts, after = ''] = form.exec(text) ?? []
  return hosts === undefined ? [text] : hosts.split(',').map(host => `${before}${host}${after}`)
}
