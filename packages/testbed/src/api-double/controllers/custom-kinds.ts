import { definedKinds } from '../defined-kinds.ts'
import type { ObjectStore } from '../object-store.ts'

/** Serves the kinds of CustomResourceDefinitions as long as these exist; their objects go with them. */
export function followDefinitions(store: ObjectStore): Disposable {
  return store.onChange(({ kind }, { type, object }) => {
    if (kind !== 'CustomResourceDefinition') return
    const { name } = object.metadata
    if (type === 'DELETED') removeObjects(store, name)
    store.kinds.define(name, type === 'DELETED' ? [] : definedKinds(object))
  })
}

function removeObjects(store: ObjectStore, definition: string): void {
  const [kind] = store.kinds.definedBy(definition)
  if (kind === undefined) return
  for (const { metadata } of store.list({ kind, namespace: undefined }).items)
    store.delete({ kind, namespace: metadata.namespace, name: metadata.name })
}
