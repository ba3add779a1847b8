import { setTimeout as delay } from 'node:timers/promises'
import { type Component, EdgewayError, type Logger } from '@edgeway/core'
import type { ClusterKeys } from '../../identity/cluster-keys.ts'
import type { RelayServerState } from '../server-state.ts'
import { keepStandingToken } from './standing-token.ts'

export interface ClusterUpkeepOptions {
  /** How long a new standing join token is good for, in seconds. */
  readonly joinTokenValidSeconds: number
}

export interface ClusterUpkeepDeps {
  readonly keys: ClusterKeys
  readonly state: Pick<RelayServerState, 'cluster' | 'joinToken' | 'refreshIntervalMs'>
  readonly logger: Logger
}

/** The standing token is looked at that often, and after each change of the keys. */
const TOKEN_CHECK_MS = 3_600_000

/**
 * Takes over what the operator's commands and other servers write to the cluster's stored value, and makes the standing
 * join token anew in time. Who wants to know of changes listens to `keys.trust`.
 */
export class ClusterUpkeep implements Component {
  readonly #options: ClusterUpkeepOptions
  readonly #deps: ClusterUpkeepDeps
  readonly #stop = new AbortController()
  readonly #changes: Disposable
  /** What was said of each of the two values last, so that it is not said again and again. */
  readonly #troubles = new Map<string, string>()
  readonly #keyFound = new Set<() => void>()
  #missingKey: string | undefined
  #tokenDue = true
  #tokenCheckedAt = Number.NEGATIVE_INFINITY
  #running: Promise<void> = Promise.resolve()

  private constructor(options: ClusterUpkeepOptions, deps: ClusterUpkeepDeps) {
    this.#options = options
    this.#deps = deps
    this.#changes = deps.keys.trust.onChange(() => {
      this.#tokenDue = true
    })
  }

  /** Resolves when the standing token is there. Where it can't be stored, that is logged and tried again. */
  static async start(options: ClusterUpkeepOptions, deps: ClusterUpkeepDeps): Promise<ClusterUpkeep> {
    const upkeep = new ClusterUpkeep(options, deps)
    await upkeep.#keepToken()
    upkeep.#running = upkeep.#run()
    return upkeep
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#changes[Symbol.dispose]()
    await this.#running
  }

  /** Calls `listener` when a key that this server lacked is there: what could not be signed can be now. */
  onKeyFound(listener: () => void): Disposable {
    this.#keyFound.add(listener)
    return { [Symbol.dispose]: () => void this.#keyFound.delete(listener) }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    const { refreshIntervalMs } = this.#deps.state
    while (!signal.aborted) {
      await delay(refreshIntervalMs, undefined, { signal }).catch(() => {
        // Stopped: the loop ends.
      })
      if (signal.aborted) return
      await this.#refresh()
      this.#lookForKey()
      await this.#keepToken()
    }
  }

  #lookForKey(): void {
    const { keys, state, logger } = this.#deps
    const key = keys.missingKey
    if (key === this.#missingKey) return
    this.#missingKey = key
    const { place } = state.cluster
    if (key === undefined) {
      logger.info('the key that signs for the cluster is here now', { place })
      for (const listener of [...this.#keyFound]) listener()
    } else
      logger.error(
        'the cluster has a new key that this server lacks: copy cluster.json from the server where it was made, before the older key is retired',
        { key, place },
      )
  }

  async #refresh(): Promise<void> {
    const { keys, state, logger } = this.#deps
    await this.#unlessUnavailable(state.cluster.place, async () => {
      const before = keys.trust.serial
      if ((await keys.refresh()) === 'restored')
        logger.error("the cluster's keys were deleted, and are stored again", { place: state.cluster.place })
      const { serial } = keys.trust
      if (serial !== before) logger.info('took over what was changed in the cluster', { serial })
    })
  }

  async #keepToken(): Promise<void> {
    const now = performance.now()
    if (!this.#tokenDue && now - this.#tokenCheckedAt < TOKEN_CHECK_MS) return
    const { keys, state, logger } = this.#deps
    const { place } = state.joinToken
    await this.#unlessUnavailable(place, async () => {
      const { token, fault } = await keepStandingToken(
        state.joinToken,
        keys,
        this.#options.joinTokenValidSeconds,
      )
      this.#tokenDue = false
      this.#tokenCheckedAt = now
      if (fault !== undefined) logger.info('made a new join token', { place, id: token.id, reason: fault })
    })
  }

  /** What is kept can't be had for a while, e.g. while the API server is away: what is known goes on to hold. */
  async #unlessUnavailable(place: string, run: () => Promise<void>): Promise<void> {
    const { logger } = this.#deps
    try {
      await run()
      if (this.#troubles.delete(place)) logger.info('stored value can be used again', { place })
    } catch (error) {
      if (!(error instanceof EdgewayError)) throw error
      if (this.#troubles.get(place) === error.message) return
      this.#troubles.set(place, error.message)
      logger.warn('stored value can not be used, will retry', { place, error })
    }
  }
}
