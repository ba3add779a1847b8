import type { Fields, Shape, Value } from './shape.ts'

/** The value with its keyed lists and sets in a fixed order, to compare what is in them. */
export function inKeyOrder(shape: Shape, value: Value): Value {
  if (value === undefined) return undefined
  if (shape.is === 'set') return [...(value as readonly string[])].sort()
  if (shape.is === 'keyed')
    return (value as readonly Fields[])
      .map((item) => inKeyOrder(shape.item, item))
      .sort((a, b) => String((a as Fields)[shape.key]).localeCompare(String((b as Fields)[shape.key])))
  if (shape.is !== 'map') return value
  return Object.fromEntries(
    Object.entries(value as Fields).map(([field, inner]) => [
      field,
      shape.fields[field] === undefined ? inner : inKeyOrder(shape.fields[field], inner),
    ]),
  )
}

/** Where the keyed lists and sets of a value are, and in what order their items stand. */
export function ordersIn(shape: Shape, value: Value, path = ''): ReadonlyMap<string, readonly Value[]> {
  if (value === undefined) return new Map()
  if (shape.is === 'set') return new Map([[path, value as readonly string[]]])
  if (shape.is === 'keyed') {
    const items = value as readonly Fields[]
    const inner = items.flatMap((item) => [
      ...ordersIn(shape.item, item, `${path}[${String(item[shape.key])}]`),
    ])
    return new Map([[path, items.map((item) => item[shape.key])], ...inner])
  }
  if (shape.is !== 'map') return new Map()
  return new Map(
    Object.entries(value as Fields).flatMap(([field, inner]) =>
      shape.fields[field] === undefined ? [] : [...ordersIn(shape.fields[field], inner, `${path}.${field}`)],
    ),
  )
}
