import type { Logger } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import { JoinTokenError } from '../../errors.ts'
import { type EnrolmentDeps, enrol, renew } from './enrolment.ts'

export type CertificationDeps = Omit<EnrolmentDeps, 'refusedTokens'> & { readonly logger: Logger }

type Within = (exchange: (signal: AbortSignal) => Promise<void>) => Promise<void>

/** Gets this node, from one tunnel server, the certificate that it needs for a session there. */
export class Certification {
  readonly #deps: CertificationDeps
  readonly #refusedTokens = new Set<string>()
  /** Why the server does not take the certificate that this node has. */
  #refusal: string | undefined

  constructor(deps: CertificationDeps) {
    this.#deps = deps
  }

  /** The server did not take the certificate, for that reason: another one is needed. */
  refused(why: string): void {
    this.#refusal = why
  }

  /**
   * Enrols where there is no certificate that will do, and renews one that is due.
   *
   * @param within - runs one exchange, with a signal that aborts when its time is up
   * @throws {JoinTokenError | UntrustedServerError | ServerRefusalError} when this node got none and needs one
   */
  async certify(connection: Connection, within: Within): Promise<void> {
    const { identity, logger } = this.#deps
    const { need } = identity
    const why = need.kind === 'enrol' ? need.why : this.#refusal
    if (why !== undefined) {
      await within((signal) => this.#enrol(connection, signal, why))
      this.#refusal = undefined
      logger.info('enrolled', { peer: connection.remotePeer.toString() })
    } else if (need.kind === 'renew') {
      await within((signal) => this.#renewInPassing(connection, signal))
    }
  }

  /** A failure costs nothing: a third of the certificate's life is left for further attempts. */
  async #renewInPassing(connection: Connection, signal: AbortSignal): Promise<void> {
    const { logger } = this.#deps
    try {
      await renew(connection, signal, this.#deps)
      logger.info('renewed the certificate', { peer: connection.remotePeer.toString() })
    } catch (error) {
      logger.warn('the certificate was not renewed, will retry', { error })
    }
  }

  async #enrol(connection: Connection, signal: AbortSignal, why: string): Promise<void> {
    try {
      await enrol(connection, signal, { ...this.#deps, refusedTokens: this.#refusedTokens })
    } catch (error) {
      if (!(error instanceof JoinTokenError)) throw error
      throw new JoinTokenError(`${why}; to enrol, this node needs a join token: ${error.message}`, {
        cause: error,
        reason: error.reason,
      })
    }
  }
}
