import { isDeepStrictEqual } from 'node:util'
import type { Fields, MapShape, Shape, Value } from './shape.ts'

/** What `kubectl apply` knows: what was applied before, what is wanted now, and what there is. */
export interface ThreeWay<Of> {
  readonly last: Of
  readonly wanted: Of
  readonly live: Of
}

type Lists = ThreeWay<readonly Value[]>

/**
 * The model: what apply means. Whatever is wanted is so; whatever was applied before and is not wanted any more is gone;
 * the rest is others' and stays.
 */
export function applied(shape: Shape, { last, wanted, live }: ThreeWay<Value>): Value {
  switch (shape.is) {
    case 'plain':
    case 'whole list':
      return wanted
    case 'strings':
      return appliedMap(undefined, fieldsOf({ last, wanted, live }))
    case 'map':
      return appliedMap(shape, fieldsOf({ last, wanted, live }))
    case 'set': {
      const lists = listsOf({ last, wanted, live })
      const foreign = lists.live.filter((one) => !lists.last.includes(one))
      return [...new Set([...lists.wanted, ...foreign])]
    }
    case 'keyed':
      return appliedItems(shape, listsOf({ last, wanted, live }))
  }
}

function appliedMap(shape: MapShape | undefined, { last, wanted, live }: ThreeWay<Fields>): Fields {
  const isUnion = shape?.isUnion === true && Object.keys(wanted).length > 0
  const foreign = Object.entries(live).filter(([field]) => !isUnion && !(field in last))
  const mine = Object.entries(wanted).map(([field, value]): [string, Value] => {
    const inner = shape?.fields[field] ?? { is: 'plain' }
    return [field, applied(inner, { last: last[field], wanted: value, live: live[field] })]
  })
  return Object.fromEntries([...foreign, ...mine])
}

function appliedItems({ key, item }: Extract<Shape, { is: 'keyed' }>, lists: Lists): readonly Value[] {
  const { last, wanted, live } = byKey(key, lists)
  const foreign = [...live].filter(([name]) => !last.has(name) && !wanted.has(name)).map(([, one]) => one)
  const mine = [...wanted].map(([name, one]) =>
    applied(item, { last: last.get(name), wanted: one, live: live.get(name) }),
  )
  return [...foreign, ...mine]
}

/** What kubectl sends to bring that about, as its `CreateThreeWayMergePatch` makes it. */
export function applyPatchOf(shape: MapShape, three: ThreeWay<Fields>): Fields {
  return mapPatch(shape, three)
}

function mapPatch(shape: MapShape | undefined, { last, wanted, live }: ThreeWay<Fields>): Fields {
  const gone = Object.keys(last).filter((field) => !(field in wanted))
  const changed = Object.entries(wanted).map(([field, value]) =>
    fieldPatch(field, shape?.fields[field] ?? { is: 'plain' }, {
      last: last[field],
      wanted: value,
      live: live[field],
    }),
  )
  const patch: Fields = Object.assign(Object.fromEntries(gone.map((field) => [field, null])), ...changed)
  const isOvergrown = Object.keys(live).some((field) => !(field in wanted))
  const needsKeys = shape?.isUnion === true && Object.keys(wanted).length > 0
  const isChanged = Object.keys(patch).length > 0 || isOvergrown
  return needsKeys && isChanged ? { ...patch, $retainKeys: Object.keys(wanted) } : patch
}

function fieldPatch(field: string, shape: Shape, three: ThreeWay<Value>): Fields {
  if (shape.is === 'keyed') return itemsPatch(field, shape, listsOf(three))
  if (shape.is === 'set') return setPatch(field, three)
  if (shape.is === 'plain' || shape.is === 'whole list')
    return isDeepStrictEqual(three.live, three.wanted) ? {} : { [field]: three.wanted }
  const patch = mapPatch(shape.is === 'map' ? shape : undefined, fieldsOf(three))
  return three.live !== undefined && Object.keys(patch).length === 0 ? {} : { [field]: patch }
}

function setPatch(field: string, three: ThreeWay<Value>): Fields {
  const { last, wanted, live } = listsOf(three)
  const add = wanted.filter((one) => !live.includes(one))
  const drop = last.filter((one) => !wanted.includes(one))
  return {
    ...(add.length > 0 || three.live === undefined ? { [field]: add } : {}),
    ...(drop.length > 0 ? { [`$deleteFromPrimitiveList/${field}`]: drop } : {}),
    [`$setElementOrder/${field}`]: wanted,
  }
}

function itemsPatch(field: string, { key, item }: Extract<Shape, { is: 'keyed' }>, lists: Lists): Fields {
  const { last, wanted, live } = byKey(key, lists)
  const changes = [...wanted].flatMap(([name, one]): Fields[] => {
    const there = live.get(name)
    const { [key]: _same, ...patch } = mapPatch(item, {
      last: last.get(name) ?? {},
      wanted: one,
      live: there ?? {},
    })
    const isSame = there !== undefined && Object.keys(patch).length === 0
    return isSame ? [] : [{ ...patch, [key]: name }]
  })
  const deletions = [...last.keys()]
    .filter((name) => !wanted.has(name))
    .map((name): Fields => ({ $patch: 'delete', [key]: name }))
  return {
    [field]: [...changes, ...deletions],
    [`$setElementOrder/${field}`]: [...wanted.keys()].map((name) => ({ [key]: name })),
  }
}

function byKey(key: string, { last, wanted, live }: Lists): ThreeWay<ReadonlyMap<Value, Fields>> {
  const index = (list: readonly Value[]): Map<Value, Fields> =>
    new Map((list as readonly Fields[]).map((one) => [one[key], one]))
  return { last: index(last), wanted: index(wanted), live: index(live) }
}

function fieldsOf({ last, wanted, live }: ThreeWay<Value>): ThreeWay<Fields> {
  return { last: (last ?? {}) as Fields, wanted: (wanted ?? {}) as Fields, live: (live ?? {}) as Fields }
}

function listsOf({ last, wanted, live }: ThreeWay<Value>): Lists {
  return {
    last: (last ?? []) as Value[],
    wanted: (wanted ?? []) as Value[],
    live: (live ?? []) as Value[],
  }
}
