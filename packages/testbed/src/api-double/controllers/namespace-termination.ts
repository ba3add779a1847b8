import type { ApiObject, ObjectRef } from '../api-object.ts'
import { kindNamed } from '../kinds.ts'
import type { ObjectStore } from '../object-store.ts'

/** As in a cluster, what is deleted together with its namespace can still be deleted by name. */
const TERMINATION_MS = 500

/** Removes what is in a namespace that is to go, and then the namespace. */
export function terminateNamespaces(store: ObjectStore): Disposable {
  const timers = new Set<NodeJS.Timeout>()
  const terminate = (namespace: ApiObject): void => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      removeWithContent(store, namespace.metadata.name)
    }, TERMINATION_MS)
    timers.add(timer)
  }
  const subscription = store.onChange(({ kind }, { type, object, previous }) => {
    if (kind !== 'Namespace' || type !== 'MODIFIED') return
    const { deletionTimestamp } = object.metadata
    if (deletionTimestamp !== undefined && previous?.metadata.deletionTimestamp === undefined)
      terminate(object)
  })
  return {
    [Symbol.dispose]: () => {
      subscription[Symbol.dispose]()
      for (const timer of timers) clearTimeout(timer)
    },
  }
}

function removeWithContent(store: ObjectStore, name: string): void {
  const content = store.kinds
    .all()
    .filter(({ namespaced }) => namespaced)
    .flatMap((kind) =>
      store
        .list({ kind, namespace: name })
        .items.map((object): ObjectRef => ({ kind, namespace: name, name: object.metadata.name })),
    )
  // Some may have gone with their owner.
  for (const ref of content) if (store.find(ref) !== undefined) store.delete(ref)
  const ref: ObjectRef = { kind: kindNamed('Namespace'), namespace: undefined, name }
  const namespace = store.find(ref)
  if (namespace !== undefined) store.replace(ref, { ...namespace, spec: { finalizers: [] } })
}
