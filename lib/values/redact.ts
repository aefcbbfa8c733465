import { urlsOf } from './hosts.js'
import { isPlain } from './plain-data.js'

// A bare scheme does not match, since messages say how a URL must begin. A file URL does not match, since a stack names files.
const urlLike = /\b(?!file:)[a-z][a-z0-9+.-]{0,30}:\/\/[^\s"'<>]*\w[^\s"'<>]*/gi
const ipv4 = /\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g
const ipv6 = /(?<![\w:.])(?=[\da-f]*:[\da-f:]*:)(?=[\da-f:.]*::|(?:[\da-f]{1,4}:){7})[\da-f:.]+(?!\w)/gi
// Node.js and gRPC end their message with the name that cannot be resolved.
const unresolved = /\b(ENOTFOUND|EAI_AGAIN|query[A-Z]\w* E[A-Z]+|resolution failed for target) \S+/g
// Node.js tells which names the certificate of another host has.
const unnamed = /\b(Host:|IP:) \S+ is not (?:in the )?cert's [^\n]*/g
/** An option with such a name holds a secret. */
export const secretName = /secret|password|passwd|passphrase|pwd|^pass$|token|api-?_?key|private-?_?key|authorization|cookie|credential|dsn|connection-?_?string/i
// These names are no secrets, and many messages contain them.
const common = new Set(['default', 'localhost', 'postgres', 'rabbitmq', 'redis'])
const longest = 1000

/** The secrets that a text must not show. `texts` are removed everywhere, `names` only as whole words. */
export interface Secrets {
  readonly texts: ReadonlySet<string>
  /** The texts as a driver or a proxy may write them: percent-encoded, in base64 or hex, and as in HTTP's Basic scheme. */
  readonly encoded: ReadonlySet<string>
  readonly names: ReadonlySet<string>
}

export const noSecrets: Secrets = { texts: new Set(), encoded: new Set(), names: new Set() }

/** Removes URLs, addresses and the given secrets from a text. */
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

/** Collects the secrets of a check's options: its URLs and their parts, and the values of options that are named like secrets. */
export function secretsOf (options: unknown): Secrets {
  const found = { texts: new Set<string>(), encoded: new Set<string>(), names: new Set<string>() }
  collect(options, false, found, new Set())
  return found
}

interface Found {
  readonly texts: Set<string>
  readonly encoded: Set<string>
  readonly names: Set<string>
}

function collect (value: unknown, secret: boolean, found: Found, seen: Set<unknown>): void {
  try {
    collectFrom(value, secret, found, seen)
  } catch {
    // What cannot be read, such as a revoked proxy, cannot be told either.
  }
}

function collectFrom (value: unknown, secret: boolean, found: Found, seen: Set<unknown>): void {
  if (typeof value === 'string') {
    if (secret) addSecret(value, found)
    for (const url of urlsOf(value)) if (URL.canParse(url) && url.includes('://')) addUrl(url, found)
  } else if (typeof value === 'number' || typeof value === 'bigint') {
    if (secret) add(String(value), found.texts)
  } else if (value instanceof URL) {
    addUrl(value.href, found)
  } else if (value instanceof Uint8Array) {
    if (secret) add(Buffer.from(value).toString(), found.texts)
  } else if (isPlain(value) && !seen.has(value)) {
    // Only plain data is searched, since a client may refer to half of the app.
    seen.add(value)
    for (const [name, item] of Object.entries(value)) collect(item, secret || secretName.test(name), found, seen)
  } else if ((value instanceof Map || value instanceof Headers) && !seen.has(value)) {
    seen.add(value)
    for (const [name, item] of value) collect(item, secret || secretName.test(String(name)), found, seen)
  }
}

/** Adds a secret. It may consist of settings, as in `host=db password=…`. */
function addSecret (secret: string, found: Found): void {
  addEncoded(secret, found)
  for (const setting of secret.split(/[\s;]+/)) if (setting.includes('=')) addEncoded(setting.slice(setting.indexOf('=') + 1).replace(/^'|'$/g, ''), found)
}

/** Adds a secret in all its forms. A secret of three characters is removed only as a whole word. */
function addEncoded (secret: string, { texts, encoded, names }: Found): void {
  if (secret.length === 3) names.add(secret)
  if (secret.length < 4) return
  texts.add(secret)
  const bytes = Buffer.from(secret)
  // The text is made from its bytes, since a lone surrogate has no percent-encoded form.
  for (const form of [encodeURIComponent(bytes.toString()), bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')]) encoded.add(form)
}

function addUrl (url: string, found: Found): void {
  const { texts, names } = found
  const { protocol, username, password, host, hostname, search, pathname } = new URL(url)
  // The path is the name of a database or a virtual host. The path of a web address consists of words that many messages contain.
  const path = /^https?:$/.test(protocol) ? [] : pathname.split('/')
  const values = search.slice(1).split('&').map(pair => pair.slice(pair.indexOf('=') + 1))
  addEncoded(decoded(password), found)
  if (password !== '') add(Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64'), found.encoded)
  for (const part of [url, password, host, ...values]) {
    add(part, texts)
    add(decoded(part), texts)
  }
  for (const part of [username, hostname, ...path]) {
    if (common.has(part)) continue
    add(part, names)
    add(decoded(part), names)
  }
}

function add (text: string, found: Set<string>): void {
  if (text.length >= 4) found.add(text)
}

function decoded (part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
