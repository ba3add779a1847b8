import type { Endpoint } from '@edgeway/core'

/** An endpoint that was chosen, and its identity. */
export interface ChosenEndpoint {
  readonly key: string
  readonly endpoint: Endpoint
}

/** Chooses among the endpoints of one call, by what is known now. */
export interface EndpointChooser<Call> {
  /**
   * @param tried - keys of those that are not to be chosen; `undefined`: any may be
   * @returns `undefined` when none is left
   */
  choose(call: Call, tried: ReadonlySet<string> | undefined): ChosenEndpoint | undefined
}

/** The endpoints of one call, each chosen when it is asked for, and once, unless the call asks otherwise. */
export class EndpointOrder<Call = unknown> implements IterableIterator<Endpoint, undefined> {
  readonly #chooser: EndpointChooser<Call>
  readonly #call: Call
  #last: string | undefined
  /** Made by the second one that is asked for: most calls need no more than one. */
  #tried: Set<string> | undefined
  #hasBegunAnew = false

  constructor(chooser: EndpointChooser<Call>, call: Call) {
    this.#chooser = chooser
    this.#call = call
  }

  get hasBegunAnew(): boolean {
    return this.#hasBegunAnew
  }

  /** The next endpoint; `undefined` when none is left. */
  take(): Endpoint | undefined {
    if (this.#last !== undefined) {
      this.#tried ??= new Set()
      this.#tried.add(this.#last)
    }
    const chosen = this.#chooser.choose(this.#call, this.#tried)
    if (chosen === undefined) return undefined
    this.#last = chosen.key
    return chosen.endpoint
  }

  /** The one that was taken last has not been tried after all: it may come again. */
  giveBack(): void {
    this.#last = undefined
  }

  /** Begins anew with all of them, only not with the one taken last, where there are others. */
  again(): Endpoint | undefined {
    this.#hasBegunAnew = true
    this.#tried = undefined
    const other = this.take()
    this.#tried = undefined
    if (other !== undefined) return other
    this.#last = undefined
    return this.take()
  }

  next(): IteratorResult<Endpoint, undefined> {
    const endpoint = this.take()
    return endpoint === undefined ? { done: true, value: undefined } : { done: false, value: endpoint }
  }

  [Symbol.iterator](): this {
    return this
  }
}
