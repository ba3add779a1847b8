import { MalformedObjectError } from '../errors.ts'
import type { Fields } from '../kubernetes/fields.ts'
import { parseDurationMs } from './duration.ts'
import type { Problems } from './problems.ts'

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

/** What a value should be, and what becomes of one that is not. */
export interface Expectation {
  readonly expected: string
  /** By default the value is ignored. */
  readonly effect?: string
}

const IGNORED = 'ignored'
/** Why a field that means something elsewhere means nothing here. */
const NOT_SUPPORTED = 'not supported, ignored'

/** Reads fields of an object of which each counts for itself: what is wrong is noted, and read as if it were not there. */
export class LenientFields {
  readonly #fields: Fields
  readonly #present: ReadonlySet<string>
  readonly #problems: Problems
  readonly #known = new Set<string>()

  /** @param problems - where problems are noted, each with the field's path */
  constructor(fields: Fields, problems: Problems) {
    this.#fields = fields
    this.#present = new Set(fields.present)
    this.#problems = problems
  }

  /** Whether it is absent, null or an empty text. */
  isEmpty(field: string): boolean {
    return this.#fields.isEmpty(field)
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

  /** Notes a wrong value, and what becomes of it. */
  wrong(field: string, found: unknown, { expected, effect = IGNORED }: Expectation): void {
    const { message } = new MalformedObjectError(this.#fields.pathOf(field), found, expected)
    this.#problems.note(`${message}, ${effect}`)
  }

  /** Notes the field where it says something. */
  refuse(field: string, why: string | undefined = undefined, what: string = NOT_SUPPORTED): void {
    this.#known.add(field)
    if (!this.#present.has(field)) return
    const reason = why === undefined ? '' : ` (${why})`
    this.#problems.note(`${this.#fields.pathOf(field)}: ${what}${reason}`)
  }

  /** Notes all fields that nobody asked for so far. */
  refuseOthers(): void {
    for (const field of this.#present)
      if (!this.#known.has(field)) this.#problems.note(`${this.#fields.pathOf(field)}: ${NOT_SUPPORTED}`)
  }

  #read<Value>(field: string, read: () => Value | undefined): Value | undefined {
    this.#known.add(field)
    try {
      return read()
    } catch (error) {
      if (!(error instanceof MalformedObjectError)) throw error
      this.#problems.note(`${error.message}, ${IGNORED}`)
      return undefined
    }
  }
}
