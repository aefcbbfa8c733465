import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { program } from './debian.js'
import type { Scope } from './server.js'

const execute = promisify(execFile)
const day = 86_400_000

export interface Certificate {
  /** PEM. */
  readonly cert: string
  /** PEM. */
  readonly key: string
  readonly certFile: string
  readonly keyFile: string
}

export interface Wanted {
  /** Whom it is for, as OpenSSL writes it. Default: `DNS:localhost,IP:127.0.0.1`. */
  for?: string
  /** Days from now on until it ends; negative where it has ended. Default: 365. */
  days?: number
  /** Days from now on until it begins. Default: -400. */
  from?: number
  /** What it may be used for. Default: `serverAuth,clientAuth`. */
  usage?: string
  /** Whether it may issue others. */
  isAuthority?: boolean
  /** How many authorities there may be below it. */
  pathLength?: number
  /** Its key, where it is to have that of another one. */
  keyOf?: Certificate
}

/** Who issues certificates, with OpenSSL. Its own certificate is one of them. */
export class Authority {
  readonly #folder: string
  readonly certificate: Certificate

  constructor (folder: string, certificate: Certificate) {
    this.#folder = folder
    this.certificate = certificate
  }

  async issue (name: string, wanted: Wanted = {}): Promise<Certificate> {
    return await issue(this.#folder, name, wanted, this.certificate)
  }

  /** One below this one. */
  async authority (name: string, wanted: Wanted = {}): Promise<Authority> {
    return new Authority(this.#folder, await this.issue(name, { isAuthority: true, ...wanted }))
  }

  /** Another certificate of the same name and key as `other`, by this authority. */
  async crossSign (name: string, other: Certificate, wanted: Wanted = {}): Promise<Certificate> {
    return await issue(this.#folder, name, { ...wanted, isAuthority: true, keyOf: other }, this.certificate)
  }
}

/** An authority that nobody trusts unless told, in a folder of its own. */
export async function startAuthority (t: Scope, name = 'Root', wanted: Wanted = {}): Promise<Authority> {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-health-certificates-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return new Authority(folder, await issue(folder, name, { ...wanted, isAuthority: true }))
}

/** A certificate that is its own issuer. */
export async function selfSigned (t: Scope, name: string, wanted: Wanted = {}): Promise<Certificate> {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-health-certificates-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return await issue(folder, name, wanted)
}

let issued = 0

async function issue (folder: string, name: string, wanted: Wanted, issuer?: Certificate): Promise<Certificate> {
  const { days = 365, from = -400, usage = 'serverAuth,clientAuth', isAuthority = false, pathLength, keyOf } = wanted
  const base = join(folder, String(++issued))
  const [certFile, keyFile, request, config] = [`${base}.crt`, `${base}.key`, `${base}.csr`, `${base}.cnf`] as const
  writeFileSync(`${base}.txt`, '')
  writeFileSync(config, `
[req]
distinguished_name = name
[name]
[ca]
default_ca = health
[health]
database = ${base}.txt
new_certs_dir = ${folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[extensions]
basicConstraints = critical,CA:${isAuthority ? 'TRUE' : 'FALSE'}${pathLength === undefined ? '' : `,pathlen:${pathLength}`}
subjectKeyIdentifier = hash
${isAuthority ? 'keyUsage = keyCertSign,cRLSign' : `extendedKeyUsage = ${usage}\nsubjectAltName = ${wanted.for ?? 'DNS:localhost,IP:127.0.0.1'}`}
`)
  const openssl = async (...args: string[]) => await execute(program('openssl'), args)
  const key = keyOf === undefined
    ? ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
    : ['-key', keyOf.keyFile]
  await openssl('req', '-new', '-config', config, ...key, '-subj', `/CN=${name}`, '-out', request)
  const signer = issuer === undefined ? ['-selfsign', '-keyfile', keyFile] : ['-cert', issuer.certFile, '-keyfile', issuer.keyFile]
  await openssl('ca', '-batch', '-notext', '-config', config, '-extensions', 'extensions', ...signer,
    '-startdate', moment(from), '-enddate', moment(days), '-in', request, '-out', certFile)
  const usedKey = keyOf?.keyFile ?? keyFile
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(usedKey, 'utf8'), certFile, keyFile: usedKey }
}

/** As ASN.1 has it. */
function moment (days: number): string {
  return `${new Date(Date.now() + days * day).toISOString().replace(/[-:T]|\.\d+/g, '')}`
}
