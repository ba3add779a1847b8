import { isIP } from 'node:net'
import { generate } from 'selfsigned'

/** A server's certificate that is its own authority, and the key to it; PEM. */
export interface ServerCertificate {
  readonly certificate: string
  readonly key: string
}

const DAY_MS = 86_400_000
const LIFETIME_DAYS = 30
/** Kinds of names in a certificate (RFC 5280 section 4.2.1.6). */
const GENERAL_NAME = { dns: 2, ip: 7 } as const

/** @param names - host names and IP addresses that clients will use */
export async function makeCertificate(names: readonly string[]): Promise<ServerCertificate> {
  const altNames = names.map((name) =>
    isIP(name) === 0 ? { type: GENERAL_NAME.dns, value: name } : { type: GENERAL_NAME.ip, ip: name },
  )
  const made = await generate([{ name: 'commonName', value: 'edgeway API double' }], {
    keyType: 'ec',
    curve: 'P-256',
    notAfterDate: new Date(Date.now() + LIFETIME_DAYS * DAY_MS),
    extensions: [
      { name: 'subjectAltName', altNames },
      { name: 'basicConstraints', cA: true },
    ],
  })
  return { certificate: made.cert, key: made.private }
}
