import type { CloudCore } from '../cloud/cloudcore.ts'
import type { Application } from '../cloud/listener.ts'
import type { Faults } from '../faults/faults.ts'

interface Known {
  readonly application: Application
  /** Open watches that share it. */
  count: number
  isRegistered: boolean
}

/** The node's list of its watches, and what it tells CloudCore of them. */
export class Applications {
  readonly #cloudcore: Pick<CloudCore, 'register' | 'close' | 'sync'>
  readonly #faults: Readonly<Faults>
  readonly #known = new Map<string, Known>()

  constructor(cloudcore: Pick<CloudCore, 'register' | 'close' | 'sync'>, faults: Readonly<Faults>) {
    this.#cloudcore = cloudcore
    this.#faults = faults
  }

  /** Registers a watch, if it can be, and resolves in any case. Disposing of the result closes it. */
  async open(application: Application): Promise<Disposable> {
    const known = this.#known.get(application.id) ?? { application, count: 0, isRegistered: false }
    this.#known.set(application.id, known)
    known.count++
    try {
      await this.#cloudcore.register(application)
      known.isRegistered = true
    } catch {
      // As in KubeEdge: a watch that the cloud does not know of is open all the same.
    }
    let isOpen = true
    return {
      [Symbol.dispose]: () => {
        if (isOpen) this.#close(known)
        isOpen = false
      },
    }
  }

  /** The link is back. */
  async onConnected(): Promise<void> {
    const { listenersLostOnRestart, offlineWatchStaysLocal } = this.#faults
    for (const known of this.#known.values()) {
      const isWanted = known.isRegistered ? !listenersLostOnRestart : !offlineWatchStaysLocal
      if (isWanted) await this.#register(known)
    }
  }

  /** The node starts anew: its watches are gone, and CloudCore is not told. */
  clear(): void {
    this.#known.clear()
  }

  async #register(known: Known): Promise<void> {
    try {
      await this.#cloudcore.register(known.application)
      known.isRegistered = true
    } catch {
      // The link was lost again, or the resource is refused: the next connection tries it again.
    }
  }

  #close(known: Known): void {
    const { id } = known.application
    if (this.#known.get(id) !== known) return
    known.count--
    if (known.count > 0 && !this.#faults.sharedApplications) return
    this.#known.delete(id)
    this.#cloudcore.close(id)
    // The only moment at which the node repeats which watches it has.
    const registered = [...this.#known.values()].filter(({ isRegistered }) => isRegistered)
    void this.#cloudcore
      .sync(registered.map(({ application }) => application))
      .catch(() => 'what can not be registered now waits for the next one that closes')
  }
}
