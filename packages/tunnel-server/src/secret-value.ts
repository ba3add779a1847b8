import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@edgeway/core'
import { SecretConflictError, type SecretEntry, SourceError } from '@edgeway/metadata'
import { type StoredValue, StoredValueConflictError } from '@edgeway/tunnel'

/** Of a server that starts: what it can't go on without is waited for. */
export interface Patience {
  readonly logger: Logger
  /** Ends the waiting. */
  readonly shutdown: AbortSignal
}

const MIN_RETRY_MS = 500
const MAX_RETRY_MS = 10_000

/** An entry of a Secret in this pod's namespace. Several pods may share it. */
export class SecretValue implements StoredValue {
  readonly #entry: SecretEntry
  /** `undefined` once the API server has answered, and for those who don't wait. */
  #patience: Patience | undefined

  /** @param patience - of who waits for the API server, for the first answer */
  constructor(entry: SecretEntry, patience?: Patience) {
    this.#entry = entry
    this.#patience = patience
  }

  get place(): string {
    return this.#entry.place
  }

  async read(): Promise<Buffer | undefined> {
    const content =
      this.#patience === undefined ? await this.#entry.read() : await this.#readPatiently(this.#patience)
    this.#patience = undefined
    return content
  }

  async write(content: string | Uint8Array): Promise<void> {
    try {
      await this.#entry.write(content)
    } catch (cause) {
      if (!(cause instanceof SecretConflictError)) throw cause
      throw new StoredValueConflictError(cause.message, { cause })
    }
  }

  /** Who may read Secrets is RBAC's affair. */
  async exposure(): Promise<undefined> {
    return undefined
  }

  async #readPatiently({ logger, shutdown }: Patience): Promise<Buffer | undefined> {
    for (let delayMs = MIN_RETRY_MS; ; delayMs = Math.min(delayMs * 2, MAX_RETRY_MS)) {
      try {
        return await this.#entry.read()
      } catch (error) {
        shutdown.throwIfAborted()
        if (!(error instanceof SourceError)) throw error
        logger.warn('state can not be read, will retry', { place: this.place, delayMs, error })
        await delay(delayMs, undefined, { signal: shutdown })
      }
    }
  }
}
