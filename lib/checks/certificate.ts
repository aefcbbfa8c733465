import { X509Certificate } from 'node:crypto'
import { open } from 'node:fs/promises'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { HealthCheck } from '../check.js'
import { unavailable } from '../clients/driver-errors.js'
import { withSocket } from '../clients/sockets.js'
import { certificatesIn, pem, tlsMaterial, tlsRequirements, type PEM } from '../clients/tls.js'
import { lacking, ServiceReturnedUnexpectedResult, ServiceUnavailable, ServiceWarning } from '../errors.js'
import { interruptionOf } from '../time/stop-signal.js'
import { numeric, port, withoutNul } from '../values/rules.js'
import { day, mebibyte } from '../values/units.js'
import type { CheckContext, OptionRules, Requirement, RulesOf } from '../../types/check.js'
import { chainOf, distrust } from './certificate/chain.js'

const longestFile = mebibyte

/** The options. Exactly one of `host` and `file` must be given. */
export interface CertificateOptions {
  /** The name or address of a server that speaks TLS from the first byte. */
  host?: string
  /**
   * The port of `host`.
   *
   * @default 443
   */
  port?: number
  /**
   * The certificate must be for this name.
   *
   * @default the `host`
   */
  servername?: string
  /** The certificates of the trusted authorities, as PEM. They replace those that Node.js trusts. The option needs `host`. */
  ca?: PEM
  /**
   * A file with certificates, as PEM or DER. Only their dates are checked. A relative path is resolved against the setting `baseDir`.
   */
  file?: string
  /**
   * A certificate that is valid for fewer days is a warning.
   *
   * @default 14
   */
  minDays?: number
}

/** Passes if the certificate chain of a server is valid, or the dates of the certificates in a file are, for at least `minDays`. */
export class CertificateCheck extends HealthCheck<CertificateOptions> {
  static override readonly rules: OptionRules = {
    host: withoutNul('the name or address of a host'),
    port: port(),
    servername: withoutNul('the name of a host'),
    ca: pem(),
    file: withoutNul('the path of a file'),
    minDays: numeric('a number of days, 0 or more', 0, Number.MAX_SAFE_INTEGER),
  } satisfies RulesOf<CertificateOptions>

  static override readonly scope = 'shared'

  override async requirements (): Promise<Requirement[]> {
    const misgiven = this.#misgiven()
    return misgiven.length > 0 ? misgiven : await tlsRequirements({ ca: this.options.ca })
  }

  override async check (context: CheckContext) {
    const { file, minDays = 14 } = this.options
    const misgiven = this.#misgiven()
    if (misgiven.length > 0) throw lacking(misgiven)
    const found = file === undefined ? await this.#presented(context) : await certificatesOf(resolve(context.settings.baseDir, file))
    const now = Date.now()
    const left = Math.min(...found.map(({ validTo }) => Date.parse(validTo) - now))
    context.observe('days left', Math.floor(10 * left / day) / 10, 'days')
    if (left < 0) throw new ServiceUnavailable(`certificate expired ${inDays(-left)} ago`)
    if (found.some(({ validFrom }) => Date.parse(validFrom) > now)) throw new ServiceUnavailable('certificate is not valid yet')
    if (left < minDays * day) throw new ServiceWarning(`certificate expires in ${inDays(left)}`)
  }

  #misgiven (): Requirement[] {
    const { host, file } = this.options
    if ((host === undefined) === (file === undefined)) {
      return [{
        message: host === undefined ? 'neither `host` nor `file` is given' : 'both `host` and `file` are given',
        hint: 'Give `host` for the certificate of a server, or `file` for one on disk.',
      }]
    }
    const stray = file === undefined
      ? undefined
      : (['port', 'servername', 'ca'] as const).find(option => this.options[option] !== undefined)
    if (stray === undefined) return []
    return [{
      message: `\`${stray}\` is given with \`file\``,
      hint: `Leave it out: of a file only the dates are looked at. \`${stray}\` belongs to \`host\`.`,
    }]
  }

  /** Returns the trusted chain of a server. A server certificate that is out of date is returned alone. */
  async #presented (context: CheckContext): Promise<X509Certificate[]> {
    const { port = 443, ca } = this.options
    const host = this.options.host as string
    const { servername = isIP(host) === 0 ? host : undefined } = this.options
    const { connect } = await import('node:tls')
    const options = {
      host,
      port,
      // The check itself reports the fault below. It sends nothing to a server that is not trusted.
      rejectUnauthorized: false,
      ...(servername === undefined ? {} : { servername }),
      ...tlsMaterial({ ca }),
    }
    try {
      return await withSocket(connect(options), 'secureConnect', interruptionOf(context), socket => {
        const certificate = socket.getPeerX509Certificate() as X509Certificate
        // An expired server certificate is the most common fault, and the message gives the number of days.
        if (isOutOfDate(certificate)) return [certificate]
        const reason = distrust(socket)
        if (reason !== undefined) throw new ServiceUnavailable(reason)
        return chainOf(certificate, ca)
      })
    } catch (error) {
      throw unavailable(error)
    }
  }
}

export default CertificateCheck

async function certificatesOf (path: string): Promise<X509Certificate[]> {
  const bytes = await contents(path).catch(error => { throw unavailable(error) })
  try {
    const found = certificatesIn(bytes)
    return found.length > 0 ? found : [new X509Certificate(bytes)]
  } catch (error) {
    throw new ServiceReturnedUnexpectedResult('the file holds no certificate, or one that cannot be read', { cause: error })
  }
}

async function contents (path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(longestFile + 1))
    if (bytesRead > longestFile) throw new ServiceReturnedUnexpectedResult('the file is longer than 1 MiB')
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

function isOutOfDate ({ validFrom, validTo }: X509Certificate): boolean {
  const now = Date.now()
  return now < Date.parse(validFrom) || now > Date.parse(validTo)
}

// The number is rounded down, so that a value below the threshold never looks equal to it.
function inDays (ms: number): string {
  const days = Math.floor(ms / day)
  return days === 0 ? 'less than a day' : `${days} day${days === 1 ? '' : 's'}`
}
