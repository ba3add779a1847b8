import type { Logger } from '@edgeway/core'
import { CertificateFileError } from '../errors.ts'
import { CertificateFiles } from './certificate-files.ts'

/** Without files: plain WebSockets, for a load balancer or ingress that ends TLS. */
export interface WebSocketOptions {
  readonly listenPort: number
  /** A certificate chain and its key, as PEM; both or none. Read anew when they change. */
  readonly certificateFile?: string | undefined
  readonly keyFile?: string | undefined
}

/** Where the server listens for WebSockets, and by which certificate. */
export class WebSocketEntry implements Disposable {
  readonly listenPort: number
  readonly certificate: CertificateFiles | undefined

  private constructor(listenPort: number, certificate: CertificateFiles | undefined) {
    this.listenPort = listenPort
    this.certificate = certificate
  }

  /** @throws {CertificateFileError} when there is one file without the other, or what they hold can't be used */
  static async open(
    options: WebSocketOptions | undefined,
    logger: Logger,
  ): Promise<WebSocketEntry | undefined> {
    if (options === undefined) return undefined
    const { listenPort, certificateFile, keyFile } = options
    if (certificateFile === undefined && keyFile === undefined) {
      return new WebSocketEntry(listenPort, undefined)
    }
    if (certificateFile === undefined || keyFile === undefined) {
      throw new CertificateFileError('certificateFile and keyFile belong together: both or none are needed')
    }
    const certificate = await CertificateFiles.load({ certificateFile, keyFile }, logger)
    return new WebSocketEntry(listenPort, certificate)
  }

  [Symbol.dispose](): void {
    this.certificate?.[Symbol.dispose]()
  }
}
