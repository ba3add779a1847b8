/** Numbers that look random and are the same for the same seed (xorshift32 of Marsaglia, 2003). */
export class SeededRandom {
  #state = 1

  /** Begins anew. Seeds next to each other lead to different numbers at once. */
  seed(seed: number): void {
    this.#state = Math.imul(seed + 0x9e_37_79, 0x9e_37_79_b1) | 1
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state
    return (Math.imul(state, 0x85_eb_ca_6b) >>> 8) % limit
  }

  of<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new Error('nothing to choose from')
    return item
  }
}
