import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@edgeway/core'
import type { NodeIdentity } from './node-identity.ts'

export interface RenewalDeps {
  readonly identity: NodeIdentity
  readonly logger: Logger
  /** Those that a server can be asked through now. Each rejects when it gave no certificate. */
  sources(): readonly { renew(): Promise<void> }[]
}

/** No timer takes more than 24.8 days, and clocks are set: the need is looked at anew that often. */
const MAX_WAIT_SECONDS = 60
/** Until the next round after all servers failed. */
const RETRY_SECONDS = 30
/** A node whose clock is ahead would renew without a pause. */
const PAUSE_SECONDS = 600

/** Renews the certificate of this node when two thirds of its life are over, at whichever server gives it one. */
export class Renewal implements AsyncDisposable {
  readonly #deps: RenewalDeps
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  #trouble = ''

  constructor(deps: RenewalDeps) {
    this.#deps = deps
    this.#running = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const waitSeconds = await this.#step()
      // Rejects only when this is disposed of, which the loop sees.
      await sleep(waitSeconds * 1_000, undefined, { signal, ref: false }).catch(() => {})
    }
  }

  /** @returns how long to wait before the next one, in seconds */
  async #step(): Promise<number> {
    const { need } = this.#deps.identity
    if (need.kind === 'none') return Math.min(Math.max(need.dueInSeconds, 1), MAX_WAIT_SECONDS)
    // Without a certificate that will do, the sessions end, and enrol before they start anew.
    if (need.kind === 'enrol') return RETRY_SECONDS
    return (await this.#renew()) ? PAUSE_SECONDS : RETRY_SECONDS
  }

  async #renew(): Promise<boolean> {
    const { identity, logger, sources } = this.#deps
    for (const source of sources()) {
      try {
        await source.renew()
        const notAfter = identity.membership?.notAfter ?? 0
        logger.info('renewed the certificate', { until: new Date(notAfter * 1_000).toISOString() })
        this.#trouble = ''
        return true
      } catch (error) {
        this.#report(error)
      }
    }
    return false
  }

  /** Once for attempts that fail alike. */
  #report(error: unknown): void {
    const trouble = error instanceof Error ? error.message : String(error)
    if (trouble !== this.#trouble)
      this.#deps.logger.warn('the certificate was not renewed, will retry', { error })
    this.#trouble = trouble
  }
}
