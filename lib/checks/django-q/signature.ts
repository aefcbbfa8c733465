import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { inflateSync } from 'node:zlib'

/** The largest size of an inflated value, in bytes. A stat has a few hundred. */
const maxLength = 1 << 20

/**
 * Returns the bytes that Django signed, which `signing.loads` of Django gives to its serializer. The value is
 * `<payload>:<timestamp>:<signature>`. The payload is URL-safe base64 without padding, and a leading dot says that zlib compressed it. The
 * key is the SHA-256 of salt, `signer` and secret. The signature is the HMAC-SHA256 of everything before it. This holds for Django 3.1 and
 * later (django/core/signing.py and django/utils/crypto.py).
 *
 * @returns `undefined` if the signature does not fit the key and the salt. Nothing of such a value is decoded.
 * @throws an error if a signed value cannot be inflated.
 */
export function unsign (value: string, secretKey: string, salt: string): Buffer | undefined {
  const end = value.lastIndexOf(':')
  const signed = value.slice(0, Math.max(end, 0))
  if (!same(value.slice(end + 1), signature(signed, secretKey, salt))) return undefined
  const payload = signed.slice(0, signed.lastIndexOf(':'))
  return payload.startsWith('.')
    ? inflateSync(Buffer.from(payload.slice(1), 'base64url'), { maxOutputLength: maxLength })
    : Buffer.from(payload, 'base64url')
}

function signature (signed: string, secretKey: string, salt: string): string {
  const key = createHash('sha256').update(`${salt}signer${secretKey}`).digest()
  return createHmac('sha256', key).update(signed).digest('base64url')
}

function same (given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
