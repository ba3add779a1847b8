import fc from 'fast-check'

/** Any JSON value. */
export type Value = unknown
export type Fields = Readonly<Record<string, Value>>

/** What a field of an object is, as far as merging goes: the test's own words, not those of the schema. */
export type Shape =
  | { readonly is: 'plain' | 'whole list' | 'set' | 'strings' }
  | { readonly is: 'map'; readonly fields: Readonly<Record<string, Shape>>; readonly isUnion?: boolean }
  | { readonly is: 'keyed'; readonly key: string; readonly item: MapShape }

export type MapShape = Extract<Shape, { readonly is: 'map' }>

const plain: Shape = { is: 'plain' }
const wholeList: Shape = { is: 'whole list' }
const set: Shape = { is: 'set' }
const strings: Shape = { is: 'strings' }

function map(fields: MapShape['fields']): MapShape {
  return { is: 'map', fields }
}

function keyed(key: string, item: MapShape): Shape {
  return { is: 'keyed', key, item }
}

/** A map of which only one alternative can be there at a time. */
function union(fields: MapShape['fields']): MapShape {
  return { is: 'map', fields, isUnion: true }
}

const POD_SPEC = map({
  containers: keyed(
    'name',
    map({
      image: plain,
      args: wholeList,
      env: keyed('name', map({ value: plain })),
      resources: map({ limits: strings }),
    }),
  ),
  volumes: keyed(
    'name',
    union({ emptyDir: strings, hostPath: strings, configMap: map({ items: wholeList }) }),
  ),
  hostAliases: keyed('ip', map({ hostnames: wholeList })),
  nodeSelector: strings,
})

/** A part of a Deployment that has every way of merging in it, nested too. */
export const DEPLOYMENT = map({
  metadata: map({ labels: strings, finalizers: set, ownerReferences: keyed('uid', map({ name: plain })) }),
  spec: map({
    replicas: plain,
    strategy: union({ type: plain, rollingUpdate: strings }),
    template: map({ spec: POD_SPEC }),
  }),
})

const WORDS = fc.constantFrom('a', 'b', 'c', 'd', 'e')

export const words = fc.uniqueArray(WORDS, { maxLength: 5 })
export const word = WORDS

/** Random values of a shape; every field may be absent. */
export function valuesOf(shape: Shape): fc.Arbitrary<Value> {
  switch (shape.is) {
    case 'plain':
      return WORDS
    case 'whole list':
      return fc.array(WORDS, { maxLength: 3 })
    case 'set':
      return words
    case 'strings':
      return fc.dictionary(WORDS, WORDS, { maxKeys: 4, noNullPrototype: true })
    case 'map':
      return mapsOf(shape)
    case 'keyed':
      return words.chain((keys) => fc.tuple(...keys.map((key) => itemsOf(shape.item, { [shape.key]: key }))))
  }
}

export function mapsOf(shape: MapShape): fc.Arbitrary<Fields> {
  const fields = Object.fromEntries(
    Object.entries(shape.fields).map(([field, inner]) => [field, valuesOf(inner)]),
  )
  return fc.record(fields, { requiredKeys: [], noNullPrototype: true })
}

function itemsOf(shape: MapShape, key: Fields): fc.Arbitrary<Fields> {
  return mapsOf(shape).map((fields) => ({ ...key, ...fields }))
}
