import { MalformedObjectError } from '../errors.ts'

/** Reads fields of parsed JSON and says exactly which one is wrong. */
export class Fields {
  readonly #value: Readonly<Record<string, unknown>>
  readonly #path: string

  /** @throws {MalformedObjectError} when the value is no object */
  constructor(value: unknown, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new MalformedObjectError(path || 'the object', value, 'an object')
    this.#value = value as Readonly<Record<string, unknown>>
    this.#path = path
  }

  child(field: string): Fields {
    return new Fields(this.#value[field], this.pathOf(field))
  }

  /** `undefined` where the field is absent or null. */
  optionalChild(field: string): Fields | undefined {
    return this.has(field) ? this.child(field) : undefined
  }

  /** Empty where the field is absent or null. */
  list(field: string): Fields[] {
    const value = this.#value[field] ?? []
    if (!Array.isArray(value)) throw new MalformedObjectError(this.pathOf(field), value, 'a list')
    return value.map((item, index) => new Fields(item, `${this.pathOf(field)}[${index}]`))
  }

  /** Empty where the field is absent or null. */
  stringList(field: string): string[] {
    const value = this.#value[field] ?? []
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
      throw new MalformedObjectError(this.pathOf(field), value, 'a list of strings')
    return value
  }

  /** A map of strings; empty where the field is absent or null. */
  stringMap(field: string): Readonly<Record<string, string>> {
    const value = this.#value[field] ?? {}
    if (!isStringMap(value)) throw new MalformedObjectError(this.pathOf(field), value, 'a map of strings')
    return value
  }

  string(field: string): string {
    const value = this.optionalString(field)
    if (value === undefined || value === '')
      throw new MalformedObjectError(this.pathOf(field), value, 'a string')
    return value
  }

  optionalString(field: string): string | undefined {
    const value = this.#value[field] ?? undefined
    if (value !== undefined && typeof value !== 'string')
      throw new MalformedObjectError(this.pathOf(field), value, 'a string')
    return value
  }

  optionalBoolean(field: string): boolean | undefined {
    const value = this.#value[field] ?? undefined
    if (value !== undefined && typeof value !== 'boolean')
      throw new MalformedObjectError(this.pathOf(field), value, 'true or false')
    return value
  }

  port(field: string): number {
    const value = this.#value[field]
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 65_535)
      throw new MalformedObjectError(this.pathOf(field), value, 'a port, 1 to 65535')
    return value
  }

  /** `undefined` where the field is absent, null or 0, which stands for none. */
  optionalPort(field: string): number | undefined {
    return this.has(field) && this.#value[field] !== 0 ? this.port(field) : undefined
  }

  optionalPositiveInteger(field: string): number | undefined {
    const value = this.#value[field] ?? undefined
    if (value !== undefined && !(Number.isSafeInteger(value) && Number(value) > 0))
      throw new MalformedObjectError(this.pathOf(field), value, 'a whole number, 1 or more')
    return value === undefined ? undefined : Number(value)
  }

  /** `undefined` where the field is absent or null; both bounds are allowed. */
  optionalInteger(
    field: string,
    { min, max }: { readonly min: number; readonly max: number },
  ): number | undefined {
    const value = this.#value[field] ?? undefined
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
      throw new MalformedObjectError(this.pathOf(field), value, `a whole number, ${min} to ${max}`)
    return value
  }

  has(field: string): boolean {
    return this.#value[field] !== undefined && this.#value[field] !== null
  }

  /** Whether the field is absent, null or an empty text. */
  isEmpty(field: string): boolean {
    return !this.has(field) || this.#value[field] === ''
  }

  /** Names of the fields that say something: neither null nor an empty list. */
  get present(): readonly string[] {
    return Object.keys(this.#value).filter((field) => {
      const value = this.#value[field]
      return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0)
    })
  }

  /** E.g. `spec.ports[0].port`. */
  pathOf(field: string): string {
    return this.#path === '' ? field : `${this.#path}.${field}`
  }
}

function isStringMap(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((item) => typeof item === 'string')
}
