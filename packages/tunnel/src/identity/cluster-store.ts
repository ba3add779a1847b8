import { ClusterKeysError, ProtocolError, StoredValueConflictError } from '../errors.ts'
import type { StoredValue } from '../state/stored-value.ts'
import { type ClusterState, decodeClusterState, encodeClusterState } from './cluster-state.ts'

/** Several servers, and the operator's commands, write the same value; while many nodes join, a server does all the time. */
const MAX_WRITE_ATTEMPTS = 50

/** What was found: nothing new, another state, or nothing at all, so that the known one was stored again. */
export type Refreshed = 'same' | 'changed' | 'restored'

interface StoredState {
  readonly state: ClusterState
  readonly text: string
}

/** The stored cluster state, of which others may be writers, too: each change is made on what is stored just then. */
export class ClusterStore {
  readonly #stored: StoredValue
  #known: StoredState
  #changing: Promise<unknown> = Promise.resolve()

  private constructor(stored: StoredValue, known: StoredState) {
    this.#stored = stored
    this.#known = known
  }

  /**
   * @param create - makes the state where nothing is stored; of two servers that start at once, the first one's is that of both
   * @throws {ClusterKeysError} when what is stored can't be used, or other users can read it
   */
  static async open(stored: StoredValue, create: () => ClusterState): Promise<ClusterStore> {
    const found = await read(stored)
    if (found !== undefined) return new ClusterStore(stored, found)
    try {
      return new ClusterStore(stored, await write(stored, create()))
    } catch (error) {
      const others = error instanceof StoredValueConflictError ? await read(stored) : undefined
      if (others === undefined) throw error
      return new ClusterStore(stored, others)
    }
  }

  /** For people: where it is kept. */
  get place(): string {
    return this.#stored.place
  }

  get state(): ClusterState {
    return this.#known.state
  }

  /** Takes over what others have stored, and stores the known state again where it was deleted. */
  async refresh(): Promise<Refreshed> {
    return await this.#exclusively(async () => {
      const found = await this.#reread()
      if (found !== 'missing') return found
      // Others may do the same at this moment: it is the same state.
      return (await this.#tryWrite(this.state, false)) ? 'restored' : 'same'
    })
  }

  /** @param change - returns `undefined` where there is nothing to change. @returns whether something was */
  async update(change: (state: ClusterState) => ClusterState | undefined): Promise<boolean> {
    return await this.#exclusively(async () => {
      for (let left = MAX_WRITE_ATTEMPTS; ; left--) {
        await this.#reread()
        const state = change(this.state)
        if (state === undefined) return false
        if (await this.#tryWrite(state, left === 1)) return true
      }
    })
  }

  /** For what is stored and can be read, but makes no sense. */
  broken(cause: Error): ClusterKeysError {
    return broken(this.#stored, cause)
  }

  async #reread(): Promise<'same' | 'changed' | 'missing'> {
    const found = await read(this.#stored)
    if (found === undefined) return 'missing'
    if (found.text === this.#known.text) return 'same'
    if (found.state.cluster !== this.state.cluster)
      throw new ClusterKeysError(`${this.place} is of another cluster now: restart the tunnel server`)
    this.#known = found
    return 'changed'
  }

  /** @returns false when somebody else wrote meanwhile; on the last attempt that is thrown */
  async #tryWrite(state: ClusterState, isLast: boolean): Promise<boolean> {
    try {
      this.#known = await write(this.#stored, state)
      return true
    } catch (error) {
      if (!(error instanceof StoredValueConflictError) || isLast) throw error
      return false
    }
  }

  /** One after the other, whether or not the one before succeeded. */
  async #exclusively<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#changing.then(run, run)
    this.#changing = done
    return await done
  }
}

async function read(stored: StoredValue): Promise<StoredState | undefined> {
  const bytes = await stored.read()
  if (bytes === undefined) return undefined
  const exposure = await stored.exposure()
  if (exposure !== undefined) throw new ClusterKeysError(`the cluster's key in ${stored.place} ${exposure}`)
  try {
    return { state: decodeClusterState(bytes), text: bytes.toString() }
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    throw broken(stored, cause)
  }
}

async function write(stored: StoredValue, state: ClusterState): Promise<StoredState> {
  const text = encodeClusterState(state)
  await stored.write(text)
  return { state, text }
}

function broken({ place }: StoredValue, cause: Error): ClusterKeysError {
  const advice = 'restore it from a backup; deleted, a new cluster is made, which every node has to join anew'
  return new ClusterKeysError(`the cluster's key in ${place} is broken (${cause.message}): ${advice}`, {
    cause,
  })
}
