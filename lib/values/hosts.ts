// The groups are the scheme with the login, which ends with the last @ of the authority, then the hosts, then the rest.
const form = /^([a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?)([^/?#@]*,[^/?#@]*)((?:[/?#].*)?)$/is

/** Splits a URL of several hosts, such as `postgres://user@one:5432,two:5433/shop`, into one URL for each. Other texts stay as they are. */
export function urlsOf (text: string): string[] {
  const [, before = '', hosts, after = ''] = form.exec(text) ?? []
  return hosts === undefined ? [text] : hosts.split(',').map(host => `${before}${host}${after}`)
}
