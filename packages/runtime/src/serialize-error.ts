/** An error as it stands in a log line. */
export interface SerializedError {
  readonly name: string
  readonly code?: string
  readonly message: string
  /** Only for errors without a code: those were not thrown on purpose, so the place matters. */
  readonly stack?: string
  readonly causes?: readonly SerializedError[]
}

/** Longest chain of causes that is followed; it also ends a chain that bites its own tail. */
const MAX_CAUSES = 8

/** @param error - whatever was thrown */
export function serializeError(error: unknown): SerializedError {
  const serialized = serializeAlone(error)
  const causes = causesOf(error)
  return causes.length === 0 ? serialized : { ...serialized, causes }
}

/** Replaces each `Error` among the values of `fields`; everything else stays as it is. */
export function serializeErrorFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? serializeError(value) : value,
    ]),
  )
}

function serializeAlone(error: unknown): SerializedError {
  if (!(error instanceof Error)) return { name: typeof error, message: String(error) }
  const { name, message, stack } = error
  if ('code' in error && typeof error.code === 'string') return { name, code: error.code, message }
  return stack === undefined ? { name, message } : { name, message, stack }
}

/** The chain of causes and the members of aggregates, nearest first. */
function causesOf(error: unknown): readonly SerializedError[] {
  const causes: SerializedError[] = []
  const waiting = directCauses(error)
  for (let next = waiting.shift(); next !== undefined && causes.length < MAX_CAUSES; next = waiting.shift()) {
    causes.push(serializeAlone(next))
    waiting.push(...directCauses(next))
  }
  return causes
}

function directCauses(error: unknown): unknown[] {
  if (!(error instanceof Error)) return []
  const members = error instanceof AggregateError ? error.errors : []
  return error.cause === undefined ? [...members] : [error.cause, ...members]
}
