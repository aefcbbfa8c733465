import type { FastifyInstance } from 'fastify'
import { urlsOf } from './hosts.js'
import { isPlain } from './plain-data.js'

/** An option with such a name holds a secret. */
export const secretName = /secret|password|passwd|passphrase|pwd|^pass$|token|api-?_?key|private-?_?key|authorization|cookie|credential|dsn|connection-?_?string/i
// An option with such a name holds names of hosts.
const hostOption = /^(?:host|hostname|servername|servers?|brokers?|target|nodes?)$/i
// A client of the app keeps its options in members of these names.
const holder = /^_?(?:\$?client|config|connection(?:Config|Manager|Parameters|Settings)|credentials?|driver|opts|options|pool|s|settings|startupNodes|store|transporter)$/i
// These names are no secrets, and many messages contain them.
const commonWords = new Set(['default', 'localhost', 'postgres', 'rabbitmq', 'redis'])
// A client is searched for at most this many objects, and this deep.
const mostObjects = 500
const deepest = 6

/** The secrets that a text must not show. `texts` are removed everywhere, `names` only as whole words. */
export interface Secrets {
  readonly texts: ReadonlySet<string>
  /** The texts as a driver or a proxy may write them: percent-encoded, in base64 or hex, and as in HTTP's Basic scheme. */
  readonly encoded: ReadonlySet<string>
  readonly names: ReadonlySet<string>
}

export const noSecrets: Secrets = { texts: new Set(), encoded: new Set(), names: new Set() }

/** Collects the secrets of a check's options: its URLs and their parts, names of hosts, and the values of options with secret names. */
export function secretsOf (options: unknown): Secrets {
  const found = nothingFound()
  collect(options, {}, { found, seen: new Set(), isOfApp: false }, 0)
  return found
}

// The secrets of an app count as known for this many milliseconds, since a decorator may get another value.
const freshness = 10_000
const ofApps = new WeakMap<FastifyInstance, { readonly secrets: Secrets, readonly since: number }>()

/**
 * Collects the secrets of the clients that decorate an app: passwords, tokens, URLs and names of hosts in their options. The names of
 * users and databases are left out, since they are words that many messages contain.
 */
export function secretsOfApp (app: FastifyInstance): Secrets {
  const known = ofApps.get(app)
  if (known !== undefined && performance.now() - known.since < freshness) return known.secrets
  const secrets = nothingFound()
  const search = { found: secrets, seen: new Set<unknown>([app]), isOfApp: true }
  // Decorators of parent contexts are inherited.
  for (const name in app) {
    try {
      collect((app as unknown as Record<string, unknown>)[name], {}, search, 1)
    } catch {
      // The decorator is a getter that throws.
    }
  }
  ofApps.set(app, { secrets, since: performance.now() })
  return secrets
}

export function mergedSecrets (...all: readonly Secrets[]): Secrets {
  const union = (part: keyof Secrets) => new Set(all.flatMap(secrets => [...secrets[part]]))
  return { texts: union('texts'), encoded: union('encoded'), names: union('names') }
}

interface Found {
  readonly texts: Set<string>
  readonly encoded: Set<string>
  readonly names: Set<string>
}

function nothingFound (): Found {
  return { texts: new Set(), encoded: new Set(), names: new Set() }
}

interface Search {
  readonly found: Found
  readonly seen: Set<unknown>
  /** `true` says that the values belong to the app. The names of users and databases in them are no secrets. */
  readonly isOfApp: boolean
}

/** What the name of an option says about its value. */
interface Hint {
  readonly isSecret?: boolean
  readonly isHost?: boolean
}

function hintOf (name: string, above: Hint): Hint {
  return { isSecret: above.isSecret === true || secretName.test(name), isHost: above.isHost === true || hostOption.test(name) }
}

function collect (value: unknown, hint: Hint, search: Search, depth: number): void {
  try {
    collectFrom(value, hint, search, depth)
  } catch {
    // What cannot be read, such as a revoked proxy, cannot be told either.
  }
}

function collectFrom (value: unknown, hint: Hint, search: Search, depth: number): void {
  const { found, seen, isOfApp } = search
  if (typeof value === 'string') {
    if (hint.isSecret === true) addSecret(value, found)
    if (hint.isHost === true || /^[a-z][\w.-]*:\d{1,5}$/i.test(value)) addHost(value, found)
    for (const url of urlsOf(value)) if (URL.canParse(url) && url.includes('://')) addUrl(url, search)
  } else if (typeof value === 'number' || typeof value === 'bigint') {
    if (hint.isSecret === true) add(String(value), found.texts)
  } else if (value instanceof URL) {
    addUrl(value.href, search)
  } else if (value instanceof Uint8Array) {
    if (hint.isSecret === true) add(Buffer.from(value).toString(), found.texts)
  } else if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) {
    // Nothing else has members.
  } else if (value instanceof Map || value instanceof Headers) {
    seen.add(value)
    for (const [name, item] of value) collect(item, hintOf(String(name), hint), search, depth + 1)
  } else if (isPlain(value) && !isOfApp) {
    seen.add(value)
    for (const [name, item] of Object.entries(value)) collect(item, hintOf(name, hint), search, depth + 1)
  } else {
    collectFromClient(value, hint, { ...search, isOfApp: true }, depth)
  }
}

// A client may refer to half of the app, so only the members that hold its options are searched.
function collectFromClient (client: object, hint: Hint, search: Search, depth: number): void {
  const { seen } = search
  if (depth > deepest) return
  seen.add(client)
  const isOpen = isPlain(client)
  for (const name of Object.getOwnPropertyNames(client)) {
    if (seen.size > mostObjects) return
    const value = Object.getOwnPropertyDescriptor(client, name)?.value
    if (isOpen || typeof value === 'string' || holder.test(name)) collect(value, hintOf(name, hint), search, depth + 1)
  }
  // Some clients have getters for their options: node-redis for `options`, and Knex, which is a function, for `client`.
  if (!isOpen) collect((client as Record<string, unknown>)[typeof client === 'function' ? 'client' : 'options'], hint, search, depth + 1)
}

/** Adds a secret. It may consist of settings, as in `host=db password=…`. */
function addSecret (secret: string, found: Found): void {
  addEncoded(secret, found)
  for (const setting of secret.split(/[\s;]+/)) {
    if (setting.includes('=')) {
      addEncoded(
        setting.slice(setting.indexOf('=') + 1).replace(/^'|'$/g, ''),
        found
      )
    }
  }
}

/** Adds a secret in all its forms. A secret of three characters is removed only as a whole word. */
function addEncoded (secret: string, { texts, encoded, names }: Found): void {
  if (secret.length === 3) names.add(secret)
  if (secret.length < 4) return
  texts.add(secret)
  const bytes = Buffer.from(secret)
  // The text is made from its bytes, since a lone surrogate has no percent-encoded form.
  for (const form of [
    encodeURIComponent(bytes.toString()), bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex'),
  ]) encoded.add(form)
}

function addHost (text: string, { names }: Found): void {
  const host = text.replace(/:\d{1,5}$/, '')
  if (/^[\w.-]+$/.test(host) && !commonWords.has(host)) add(host, names)
}

function addUrl (url: string, { found, isOfApp }: Search): void {
  const { texts, names } = found
  const { protocol, username, password, host, hostname, search, pathname } = new URL(url)
  // The path is the name of a database or a virtual host. The path of a web address consists of words that many messages contain.
  const path = /^https?:$/.test(protocol) || isOfApp ? [] : pathname.split('/')
  const values = search.slice(1).split('&').map(pair => pair.slice(pair.indexOf('=') + 1))
  addEncoded(decoded(password), found)
  if (password !== '') add(Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64'), found.encoded)
  for (const part of [url, password, host, ...values]) {
    add(part, texts)
    add(decoded(part), texts)
  }
  for (const part of [...isOfApp ? [] : [username], hostname, ...path]) {
    if (commonWords.has(part)) continue
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
