import type { Random } from '@edgeway/testbed'

/** Something that may be drawn, and how often compared with the others. */
export interface Weighted<Value> {
  readonly weight: number
  readonly value: Value
}

/** What can be drawn by lot; the same numbers draw the same. */
export class Draw {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  /** @throws {RangeError} when there is nothing to draw from */
  one<Value>(values: readonly Value[]): Value {
    const value = values[this.below(values.length)]
    if (value === undefined) throw new RangeError('nothing to draw from')
    return value
  }

  /** Each with the chance of one half, in their order. */
  some<Value>(values: readonly Value[]): Value[] {
    return values.filter(() => this.#random() < 0.5)
  }

  /** @throws {RangeError} when there is nothing to draw from */
  weighted<Value>(choices: readonly Weighted<Value>[]): Value {
    let left = this.#random() * choices.reduce((sum, { weight }) => sum + weight, 0)
    for (const { weight, value } of choices) {
      left -= weight
      if (left < 0) return value
    }
    return this.one(choices).value
  }
}
