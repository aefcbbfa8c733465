import { X509Certificate } from 'node:crypto'
import { rule } from '../values/rules.js'
import type { OptionRule, Requirement } from '../../types/check.js'

/** Certificates or keys, as PEM. */
export type PEM = string | Buffer | ReadonlyArray<string | Buffer>

/** The options of TLS. */
export interface TLSMaterial {
  /** The certificates of the trusted authorities, as PEM. They replace those that Node.js trusts. */
  ca?: PEM
  /** The client's certificate, with its chain, as PEM. */
  cert?: PEM
  /** The key of `cert`, as PEM without a passphrase. */
  key?: PEM
}

/** The rule of an option that takes PEM. A key is secret. */
export function pem ({ secret = false } = {}): OptionRule {
  return rule(
    'PEM as a text or a Buffer, or a list of them',
    value => Array.isArray(value) ? value.length > 0 && value.every(isPEM) : isPEM(value),
    { secret }
  )
}

function isPEM (value: unknown): boolean {
  return value instanceof Uint8Array ? value.length > 0 : typeof value === 'string' && value.includes('-----BEGIN ')
}

/** Returns the options that are given, in the form that Node.js takes. */
export function tlsMaterial (
  given: { readonly [name in keyof TLSMaterial]: TLSMaterial[name] | undefined }
): { ca?: Array<string | Buffer>, cert?: Array<string | Buffer>, key?: Array<string | Buffer> } {
  return Object.fromEntries(
    (['ca', 'cert', 'key'] as const).flatMap(name => given[name] === undefined ? [] : [[name, [given[name]].flat()]])
  )
}

const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/**
 * Returns the certificates of a PEM, which may be none.
 *
 * @throws Error if one of them cannot be read.
 */
export function certificatesIn (text: string | Buffer): X509Certificate[] {
  return [...text.toString('latin1').matchAll(block)].map(([certificate]) => new X509Certificate(certificate))
}

/** Lists what is wrong with certificates or keys that cannot be used (E007). */
export async function tlsRequirements (given: Parameters<typeof tlsMaterial>[0]): Promise<Requirement[]> {
  const material = tlsMaterial(given)
  const names = Object.keys(material).map(name => `\`${name}\``)
  if (names.length === 0) return []
  if ((given.cert === undefined) !== (given.key === undefined)) {
    const [there, missing] = given.cert === undefined ? ['key', 'cert'] : ['cert', 'key']
    return [{ message: `\`${there}\` is given, and no \`${missing}\``, hint: 'A client needs both: its certificate, and the key of it.' }]
  }
  const { createSecureContext } = await import('node:tls')
  try {
    createSecureContext(material)
    // Node.js ignores authorities that it cannot read.
    if (material.ca?.some(ca => certificatesIn(ca).length === 0)) throw new Error('there is no certificate in it')
    return []
  } catch (error) {
    return [{
      message: `${names.join(', ')} cannot be used: ${(error as Error).message}`,
      hint: 'Give PEM that begins with -----BEGIN, the whole of it, and of a key one without a passphrase that belongs to `cert`.',
    }]
  }
}
