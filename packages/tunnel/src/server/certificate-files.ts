import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { type Logger, limitedWarn } from '@edgeway/core'
import { CertificateFileError } from '../errors.ts'
import type { Certificate, CertificateSource } from '../host/web-socket/listener.ts'

/** Kubernetes replaces mounted Secrets by renaming a folder, which file events miss; certificates last for months. */
const REREAD_MS = 10_000

export interface CertificatePaths {
  readonly certificateFile: string
  readonly keyFile: string
}

/** A certificate and its key in two files, read anew when they change. Files that can't be used change nothing. */
export class CertificateFiles implements CertificateSource, Disposable {
  readonly #paths: CertificatePaths
  readonly #logger: Logger
  readonly #warn: Logger['warn']
  readonly #listeners = new Set<(certificate: Certificate) => void>()
  readonly #timer: NodeJS.Timeout
  #current: Certificate

  private constructor(paths: CertificatePaths, current: Certificate, logger: Logger) {
    this.#paths = paths
    this.#current = current
    this.#logger = logger
    this.#warn = limitedWarn(logger, 1)
    this.#timer = setInterval(() => void this.#refresh(), REREAD_MS)
  }

  /** @throws {CertificateFileError} when a file is missing, is no PEM, or the key is not that of the certificate */
  static async load(paths: CertificatePaths, logger: Logger): Promise<CertificateFiles> {
    return new CertificateFiles(paths, await readCertificate(paths), logger)
  }

  get current(): Certificate {
    return this.#current
  }

  onChange(listener: (certificate: Certificate) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#listeners.clear()
  }

  async #refresh(): Promise<void> {
    try {
      const found = await readCertificate(this.#paths)
      if (found.cert === this.#current.cert && found.key === this.#current.key) return
      this.#current = found
      for (const listener of this.#listeners) listener(found)
      this.#logger.info('the WebSocket certificate was read anew', { file: this.#paths.certificateFile })
    } catch (error) {
      this.#warn('the WebSocket certificate can not be read anew, the former one is used', { error })
    }
  }
}

async function readCertificate({ certificateFile, keyFile }: CertificatePaths): Promise<Certificate> {
  const [cert, key] = await Promise.all([
    readPem(certificateFile, 'certificate'),
    readPem(keyFile, 'key of the certificate'),
  ])
  try {
    // Nothing at all would pass as no certificate.
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
      throw new Error('they do not match')
    createSecureContext({ cert, key })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CertificateFileError(
      `${certificateFile} and ${keyFile} are no certificate and its key, as PEM: ${why}`,
      { cause },
    )
  }
  return { cert, key }
}

async function readPem(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CertificateFileError(`the ${what} can not be read: ${why}`, { cause })
  }
}
