import fc from 'fast-check'
import { type Fields, type MapShape, mapsOf, type Shape, type Value, valuesOf, word, words } from './shape.ts'

/** A change that somebody wants, in words that are no patch. */
export type Edit =
  | { readonly does: 'remove' }
  | { readonly does: 'set'; readonly value: Value }
  | { readonly does: 'replace map'; readonly value: Fields }
  | { readonly does: 'replace items'; readonly value: readonly Value[] }
  | { readonly does: 'change set'; readonly add: readonly string[]; readonly drop: readonly string[] }
  | {
      readonly does: 'change map'
      readonly fields: Readonly<Record<string, Edit>>
      readonly keeps?: readonly string[]
    }
  | {
      readonly does: 'change items'
      readonly key: string
      readonly items: readonly (readonly [string, ItemEdit])[]
    }

type ItemEdit = Edit | 'delete'

const remove: fc.Arbitrary<Edit> = fc.constant({ does: 'remove' })

export function editsOf(shape: Shape): fc.Arbitrary<Edit> {
  switch (shape.is) {
    case 'plain':
    case 'whole list':
      return fc.oneof(
        remove,
        valuesOf(shape).map((value): Edit => ({ does: 'set', value })),
      )
    case 'set':
      return fc.oneof(
        remove,
        fc.tuple(words, words).map(([add, dropped]): Edit => {
          const drop = dropped.filter((one) => !add.includes(one))
          return { does: 'change set', add, drop }
        }),
      )
    case 'strings':
      return editsOfMap(
        fc.dictionary(
          word,
          fc.oneof(
            remove,
            word.map((value): Edit => ({ does: 'set', value })),
          ),
          { maxKeys: 4, noNullPrototype: true },
        ),
        valuesOf(shape) as fc.Arbitrary<Fields>,
      )
    case 'map':
      return changesOf(shape)
    case 'keyed':
      return editsOfItems(shape)
  }
}

/** Edits of a map without those that take it away. */
export function changesOf(shape: MapShape): fc.Arbitrary<Edit> {
  const fields = Object.fromEntries(
    Object.entries(shape.fields).map(([field, inner]) => [field, editsOf(inner)]),
  )
  const changes = fc.record(fields, { requiredKeys: [], noNullPrototype: true }) as fc.Arbitrary<
    Record<string, Edit>
  >
  if (shape.isUnion !== true) return editsOfMap(changes, mapsOf(shape))
  const written = (edits: Record<string, Edit>): string[] =>
    Object.keys(edits).filter((field) => edits[field]?.does !== 'remove')
  return changes.map(
    (edits): Edit => ({ does: 'change map', fields: edits, keeps: ['name', ...written(edits)] }),
  )
}

function editsOfMap(
  changes: fc.Arbitrary<Record<string, Edit>>,
  values: fc.Arbitrary<Fields>,
): fc.Arbitrary<Edit> {
  return fc.oneof(
    { arbitrary: changes.map((fields): Edit => ({ does: 'change map', fields })), weight: 5 },
    { arbitrary: values.map((value): Edit => ({ does: 'replace map', value })), weight: 1 },
  )
}

function editsOfItems(shape: Extract<Shape, { readonly is: 'keyed' }>): fc.Arbitrary<Edit> {
  const item = fc.oneof(
    fc.constant('delete' as const),
    changesOf(shape.item).filter(({ does }) => does === 'change map'),
  )
  const items = words.chain((keys) => fc.tuple(...keys.map((key) => fc.tuple(fc.constant(key), item))))
  return fc.oneof(
    {
      arbitrary: items.map((all): Edit => ({ does: 'change items', key: shape.key, items: all })),
      weight: 5,
    },
    { arbitrary: remove, weight: 1 },
    {
      arbitrary: valuesOf(shape).map(
        (value): Edit => ({ does: 'replace items', value: value as readonly Value[] }),
      ),
      weight: 1,
    },
  )
}

/** The model: what the value is after the edit. `undefined`: it is not there. */
export function performed(edit: Edit, value: Value): Value {
  switch (edit.does) {
    case 'remove':
      return undefined
    case 'set':
    case 'replace map':
    case 'replace items':
      return edit.value
    case 'change set':
      return changedSet(edit, value as readonly string[] | undefined)
    case 'change map':
      return changedMap(edit, (value ?? {}) as Fields)
    case 'change items':
      return changedItems(edit, (value ?? []) as readonly Fields[])
  }
}

function changedSet(
  { add, drop }: { add: readonly string[]; drop: readonly string[] },
  value: readonly string[] | undefined,
): Value {
  if (value === undefined && add.length === 0) return undefined
  return [...new Set([...(value ?? []), ...add])].filter((one) => !drop.includes(one))
}

function changedMap({ fields, keeps }: Extract<Edit, { does: 'change map' }>, value: Fields): Fields {
  const kept = Object.entries(value).filter(([field]) => keeps === undefined || keeps.includes(field))
  const result = new Map(kept)
  for (const [field, edit] of Object.entries(fields)) {
    const changed = performed(edit, result.get(field))
    if (changed === undefined) result.delete(field)
    else result.set(field, changed)
  }
  return Object.fromEntries(result)
}

function changedItems(
  { key, items }: Extract<Edit, { does: 'change items' }>,
  value: readonly Fields[],
): readonly Fields[] {
  const result = new Map(value.map((item) => [item[key], item]))
  for (const [name, edit] of items) {
    if (edit === 'delete') result.delete(name)
    else result.set(name, performed(edit, result.get(name) ?? { [key]: name }) as Fields)
  }
  return [...result.values()]
}

/** The same as a strategic merge patch: fields to put beside one another in the parent's patch. */
export function patchOf(edit: Edit, field: string): Fields {
  switch (edit.does) {
    case 'remove':
      return { [field]: null }
    case 'set':
      return { [field]: edit.value }
    case 'replace map':
      return { [field]: { ...edit.value, $patch: 'replace' } }
    case 'replace items':
      return { [field]: [...edit.value, { $patch: 'replace' }] }
    case 'change set':
      return {
        ...(edit.add.length === 0 ? {} : { [field]: edit.add }),
        ...(edit.drop.length === 0 ? {} : { [`$deleteFromPrimitiveList/${field}`]: edit.drop }),
      }
    case 'change map':
      return { [field]: mapPatch(edit) }
    case 'change items':
      return {
        [field]: edit.items.map(([name, one]) =>
          one === 'delete'
            ? { [edit.key]: name, $patch: 'delete' }
            : { [edit.key]: name, ...(one.does === 'change map' ? mapPatch(one) : {}) },
        ),
      }
  }
}

function mapPatch({ fields, keeps }: Extract<Edit, { does: 'change map' }>): Fields {
  const inner = Object.entries(fields).map(([field, edit]) => patchOf(edit, field))
  return Object.assign(keeps === undefined ? {} : { $retainKeys: keeps }, ...inner) as Fields
}
