import { noSecrets, type Secrets } from './secrets.js'

// A bare scheme does not match, since messages say how a URL must begin. A file URL does not match, since a stack names files.
const urlLike = /\b(?!file:)[a-z][a-z0-9+.-]{0,30}:\/\/[^\s"'<>]*\w[^\s"'<>]*/gi
const ipv4 = /\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g
const ipv6 = /(?<![\w:.])(?=[\da-f]*:[\da-f:]*:)(?=[\da-f:.]*::|(?:[\da-f]{1,4}:){7})[\da-f:.]+(?!\w)/gi
// Node.js and gRPC end their message with the name that cannot be resolved.
const unresolved = /\b(ENOTFOUND|EAI_AGAIN|query[A-Z]\w* E[A-Z]+|resolution failed for target) \S+/g
// Node.js tells which names the certificate of another host has.
const unnamed = /\b(Host:|IP:) \S+ is not (?:in the )?cert's [^\n]*/g
// A host with its port, but no place in a source file.
const hostAndPort = /(?<![\w/.:@-])(?=[\d_.-]*[a-z])[\w-]+(?:\.[\w-]+)*(?<!\.[cm]?[jt]sx?):\d{4,5}(?![\w:])/gi
// These endings are of names inside a network (RFC 6762 and RFC 8375 among others), or of most names outside.
const hostName = /(?<![\w/.@-])[\w-]+(?:\.[\w-]+)*\.(?:internal|intranet|corp|lan|local|localdomain|svc|home\.arpa|com|net|org|io|cloud)\b(?![-/]|\.\w)/gi
const longest = 1000

/** Removes URLs, addresses, names of hosts and the given secrets from a text. */
export function redact (text: string, { texts, encoded, names }: Secrets = noSecrets): string {
  let clean = text
  // Secrets come first, since the middle of one may look like an address or like the end of a URL. The longest comes first, since one
  // secret may be a part of another.
  for (const secret of byLength([...texts, ...encoded])) clean = clean.replaceAll(secret, '[redacted]')
  clean = clean
    .replace(urlLike, '[redacted]')
    .replace(ipv6, '[redacted]')
    .replace(ipv4, '[redacted]')
    .replace(unresolved, '$1 [redacted]')
    .replace(hostAndPort, '[redacted]')
    .replace(hostName, '[redacted]')
    .replace(unnamed, '$1 [redacted]')
  for (const name of byLength(names)) clean = clean.replace(word(name), '[redacted]')
  return clean
}

/** Redacts a text of any length, and limits the length of the result. The part that is cut off is not searched. */
export function redactBriefly (text: string, secrets: Secrets = noSecrets): string {
  const margin = Math.max(0, ...[...secrets.texts, ...secrets.encoded, ...secrets.names].map(({ length }) => length))
  const most = 2 * longest + margin
  // The cut may go through a secret, which is then not recognised, so the end of the rest is removed too.
  const clean = text.length > most ? redact(text.slice(0, most), secrets).slice(0, -margin || undefined) : redact(text, secrets)
  return clean.length > longest || text.length > most ? `${clean.slice(0, longest)}…` : clean
}

function byLength (secrets: Iterable<string>): string[] {
  return [...secrets].sort((a, b) => b.length - a.length)
}

// The word `001_create-orders` does not show the name of a database called `orders`.
function word (name: string): RegExp {
  return new RegExp(`(?<![\\w-])${name.replace(/[^\w]/g, '\\$&')}(?![\\w-])`, 'g')
}
