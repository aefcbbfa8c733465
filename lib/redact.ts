import { isPlain } from './plain-data.js'

const urlLike = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]+/gi
const ipv4 = /\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g
const ipv6 = /(?<![\w:.])(?=[\da-f]*:[\da-f:]*:)(?=[\da-f:.]*::|(?:[\da-f]{1,4}:){7})[\da-f:.]+(?!\w)/gi
// How Node.js ends what it says of a name that cannot be resolved.
const unresolved = /\b(ENOTFOUND|EAI_AGAIN) \S+/g
/** The names of options whose values must not be seen. */
export const secretName = /secret|password|passwd|passphrase|pwd|token|api-?_?key|private-?_?key|authorization|cookie|credential|dsn|connection-?_?string/i
// Names that say nothing of anybody, and stand in many a message.
const common = new Set(['default', 'localhost', 'postgres', 'rabbitmq', 'redis'])
const longest = 1000

/** `text` with a bounded length, and without URLs, addresses and any of `secrets`. */
export function redact (text: string, secrets: ReadonlySet<string>): string {
  let clean = text
    .replace(urlLike, '[redacted]')
    .replace(ipv6, '[redacted]')
    .replace(ipv4, '[redacted]')
    .replace(unresolved, '$1 [redacted]')
  // The longest first: one may be a part of another.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length)) clean = clean.replaceAll(secret, '[redacted]')
  return clean.length > longest ? `${clean.slice(0, longest)}…` : clean
}

/** Every text in a check's options that must not be seen: what its URLs are made of, and what is named a secret. */
export function secretsOf (options: unknown): Set<string> {
  const found = new Set<string>()
  collect(options, false, found, new Set())
  return found
}

function collect (value: unknown, secret: boolean, found: Set<string>, seen: Set<unknown>): void {
  if (typeof value === 'string') {
    if (secret) add(value, found)
    if (URL.canParse(value) && value.includes('://')) addUrl(new URL(value), found)
  } else if (value instanceof URL) {
    addUrl(value, found)
  } else if (isPlain(value) && !seen.has(value)) {
    // A client may hold on to half of the app: only what is copied is looked into.
    seen.add(value)
    for (const [name, item] of Object.entries(value)) collect(item, secret || secretName.test(name), found, seen)
  }
}

function addUrl (url: URL, found: Set<string>): void {
  const { protocol, username, password, host, hostname, searchParams, pathname } = url
  // A database's name, or a virtual host; but the path of a web address is made of words that stand in many a message.
  const path = /^https?:$/.test(protocol) ? [] : pathname.split('/')
  const names = [username, hostname].filter(name => !common.has(name))
  for (const part of [...names, password, host, ...searchParams.values(), ...path]) {
    add(part, found)
    add(decoded(part), found)
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
