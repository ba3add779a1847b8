import type { ServicePortName } from '@edgeway/core'

/** Enough to find out who speaks first; thousands of silent clients at once would keep all others from the endpoints. */
export const MAX_EARLY_DIALS = 16

interface Turn {
  readonly begin: () => void
}

interface Line {
  readonly waiting: Set<Turn>
  readonly underWay: Set<Turn>
}

/** Whose turn it is to be dialled for before it has said anything: a few clients of each ServicePort at a time, first come, first served. */
export class EarlyTurns {
  /** Only of ServicePorts that have some. */
  readonly #lines = new Map<ServicePortName, Line>()

  /**
   * @param begin - called once it is the client's turn, never before this returns
   * @returns to be disposed of when the turn is over, or is not waited for any more
   */
  take(name: ServicePortName, begin: () => void): Disposable {
    const turn = { begin }
    const line = this.#lines.get(name) ?? { waiting: new Set(), underWay: new Set() }
    this.#lines.set(name, line)
    line.waiting.add(turn)
    queueMicrotask(() => this.#goOn(name, line))
    return {
      [Symbol.dispose]: () => {
        const wasItsTurn = line.underWay.delete(turn)
        if (line.waiting.delete(turn) || wasItsTurn) queueMicrotask(() => this.#goOn(name, line))
      },
    }
  }

  #goOn(name: ServicePortName, line: Line): void {
    const { waiting, underWay } = line
    for (const turn of waiting) {
      if (underWay.size >= MAX_EARLY_DIALS) return
      waiting.delete(turn)
      underWay.add(turn)
      turn.begin()
    }
    // It may have been gone, and another one have begun.
    if (underWay.size === 0 && this.#lines.get(name) === line) this.#lines.delete(name)
  }
}
