import { MalformedObjectError } from '../errors.ts'
import type { Fields } from '../kubernetes/fields.ts'
import { parseDurationMs } from './duration.ts'

/** Inclusive. */
export interface Bounds {
  readonly min: number
  readonly max: number
}

/** Inclusive, as durations are written. */
export interface DurationBounds {
  readonly min: string
  readonly max: string
}

/** Why a field that means something elsewhere means nothing here. */
const NOT_SUPPORTED = 'not supported, ignored'

/** Reads fields of an object of which each counts for itself: what is wrong is noted, and read as if it were not there. */
export class LenientFields {
  readonly #fields: Fields
  readonly #problems: string[]
  readonly #known = new Set<string>()

  /** @param problems - where problems are noted, each with the field's path */
  constructor(fields: Fields, problems: string[]) {
    this.#fields = fields
    this.#problems = problems
  }

  child(field: string): LenientFields | undefined {
    const child = this.#read(field, () => this.#fields.optionalChild(field))
    return child === undefined ? undefined : new LenientFields(child, this.#problems)
  }

  string(field: string): string | undefined {
    return this.#read(field, () => this.#fields.optionalString(field))
  }

  boolean(field: string): boolean | undefined {
    return this.#read(field, () => this.#fields.optionalBoolean(field))
  }

  stringList(field: string): readonly string[] {
    return this.#read(field, () => this.#fields.stringList(field)) ?? []
  }

  integer(field: string, bounds: Bounds): number | undefined {
    return this.#read(field, () => this.#fields.optionalInteger(field, bounds))
  }

  /** Whole milliseconds. */
  durationMs(field: string, { min, max }: DurationBounds): number | undefined {
    return this.#read(field, () => {
      const text = this.#fields.optionalString(field)
      if (text === undefined) return undefined
      const ms = parseDurationMs(text)
      const [least = 0, most = 0] = [parseDurationMs(min), parseDurationMs(max)]
      if (ms === undefined || ms < least || ms > most)
        throw new MalformedObjectError(this.#fields.pathOf(field), text, `a duration, ${min} to ${max}`)
      return Math.round(ms)
    })
  }

  /** Notes a wrong value. */
  wrong(field: string, found: unknown, expected: string): void {
    const { message } = new MalformedObjectError(this.#fields.pathOf(field), found, expected)
    this.#problems.push(`${message}, ignored`)
  }

  /** Notes the field where it says something. */
  refuse(field: string, why: string | undefined = undefined, what: string = NOT_SUPPORTED): void {
    this.#known.add(field)
    if (!this.#fields.present.includes(field)) return
    const reason = why === undefined ? '' : ` (${why})`
    this.#problems.push(`${this.#fields.pathOf(field)}: ${what}${reason}`)
  }

  /** Notes all fields that nobody asked for so far. */
  refuseOthers(): void {
    for (const field of this.#fields.present) if (!this.#known.has(field)) this.refuse(field)
  }

  #read<Value>(field: string, read: () => Value | undefined): Value | undefined {
    this.#known.add(field)
    try {
      return read()
    } catch (error) {
      if (!(error instanceof MalformedObjectError)) throw error
      this.#problems.push(`${error.message}, ignored`)
      return undefined
    }
  }
}
