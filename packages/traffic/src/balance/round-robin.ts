/**
 * Gives each call the items in their order, starting one further than the call before, so that first places are
 * spread evenly. Survives items that come and go; keeps a counter and nothing else.
 */
export class RoundRobin {
  #next = 0

  /** All items, each once; empty for no items. */
  order<Item>(items: readonly Item[]): Item[] {
    if (items.length === 0) return []
    const start = this.#next % items.length
    this.#next = start + 1
    return [...items.slice(start), ...items.slice(0, start)]
  }
}
