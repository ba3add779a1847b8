import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@edgeway/core'
import { type ApiServerAddress, SecretEntry, type SecretEntryName, SourceError } from '@edgeway/metadata'
import { PrivateFile, type RelayServerState, type StoredValue } from '@edgeway/tunnel'
import type { TunnelServerConfig } from './config.ts'

export interface StateDeps {
  readonly logger: Logger
  /** What this pod is told of its API server. */
  readonly apiServer: ApiServerAddress | undefined
  /** Ends the waiting for the API server. */
  readonly shutdown: AbortSignal
}

const MIN_RETRY_MS = 500
const MAX_RETRY_MS = 10_000

/**
 * Where the server keeps what outlives it, by its config: in files, or in two Secrets of its namespace. The join token
 * has a Secret of its own, which the agents mount; the other one is nobody else's.
 *
 * @throws {SourceError} when Secrets are wanted, and this is no pod with a service account
 */
export async function openState(
  { state, dataDir }: Pick<TunnelServerConfig, 'state' | 'dataDir'>,
  deps: StateDeps,
): Promise<RelayServerState> {
  if (state.kind === 'files')
    return {
      key: new PrivateFile(join(dataDir, 'key')),
      joinToken: new PrivateFile(join(dataDir, 'join-token')),
      members: new PrivateFile(join(dataDir, 'members.json')),
    }
  const { serverSecretName, joinTokenSecretName } = state
  return {
    key: await PatientEntry.open({ secret: serverSecretName, key: 'key' }, deps),
    joinToken: await PatientEntry.open({ secret: joinTokenSecretName, key: 'token' }, deps),
    members: await PatientEntry.open({ secret: serverSecretName, key: 'members.json' }, deps),
  }
}

/** An entry of a Secret that waits for the API server where it can't go on without: for what it holds at the start. */
class PatientEntry implements StoredValue {
  readonly #entry: SecretEntry
  readonly #deps: StateDeps

  private constructor(entry: SecretEntry, deps: StateDeps) {
    this.#entry = entry
    this.#deps = deps
  }

  static async open(name: SecretEntryName, deps: StateDeps): Promise<PatientEntry> {
    return new PatientEntry(await SecretEntry.open(name, { apiServer: deps.apiServer }), deps)
  }

  get place(): string {
    return this.#entry.place
  }

  async read(): Promise<Buffer | undefined> {
    const { logger, shutdown } = this.#deps
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

  async write(content: string | Uint8Array): Promise<void> {
    await this.#entry.write(content)
  }

  /** Who may read Secrets is RBAC's affair. */
  async exposure(): Promise<undefined> {
    return undefined
  }
}
