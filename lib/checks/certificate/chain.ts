import { X509Certificate } from 'node:crypto'
import { rootCertificates, type TLSSocket } from 'node:tls'
import { certificatesIn, type PEM } from '../../clients/tls.js'

// The words for the codes of OpenSSL and Node.js.
const chainWords: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'a certificate of the chain has expired',
  CERT_NOT_YET_VALID: 'a certificate of the chain is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate is self-signed, and not trusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate is for another host',
  INVALID_PURPOSE: 'a certificate of the chain is not made for this use',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate is of an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'chain of certificates is incomplete, or of an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'chain of certificates is incomplete, or of an authority that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'chain of certificates is incomplete, or of an authority that is not trusted',
}

/** Returns the reason why a server is not trusted, or `undefined` if it is trusted. */
export function distrust ({ authorized, authorizationError }: TLSSocket): string | undefined {
  // The types say that this is an Error, but it is a code.
  return authorized ? undefined : chainWords[String(authorizationError)] ?? 'certificate is not trusted'
}

/**
 * Returns the chain of a trusted server, from its own certificate to the authority. The server may send more certificates, but the chain
 * ends at the first one that is trusted itself.
 */
export function chainOf (own: X509Certificate, ca: PEM | undefined): X509Certificate[] {
  const trusted = ca === undefined ? trustedByDefault() : [ca].flat().flatMap(certificatesIn)
  const chain: X509Certificate[] = []
  let next: X509Certificate | undefined = own
  while (next !== undefined) {
    const certificate: X509Certificate = next
    chain.push(certificate)
    const authorities = trusted.filter(({ subject }) => subject === certificate.issuer).filter(authority =>
      certificate.checkIssued(authority))
    const authority = authorities.sort((one, other) => Date.parse(other.validTo) - Date.parse(one.validTo))[0]
    if (authority !== undefined) return [...chain, authority]
    next = certificate.issuerCertificate
  }
  return chain
}

let roots: X509Certificate[] | undefined

// The certificates are kept, since reading all of them takes longer than a run.
function trustedByDefault (): X509Certificate[] {
  roots ??= rootCertificates.map(root => new X509Certificate(root))
  return roots
}
