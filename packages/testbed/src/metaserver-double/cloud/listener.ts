import type { ApiObject, WatchEvent } from '../../api-double/api-object.ts'
import { parseLabelSelector, type Selector } from '../../api-double/selectors.ts'
import type { Faults } from '../faults/faults.ts'
import { localFieldSelector } from '../field-selector.ts'
import type { Place } from '../resource.ts'
import type { Operation } from './message.ts'

/** A watch on a node, as CloudCore knows it. */
export interface Application {
  /** Equal for equal requests. */
  readonly id: string
  readonly place: Place
  readonly labelSelector: string
  readonly fieldSelector: string
}

const OPERATIONS = { ADDED: 'insert', MODIFIED: 'update', DELETED: 'delete' } as const

/** Decides which changes a node is told because of one of its watches. */
export class Listener {
  readonly place: Place
  readonly #selects: Selector
  readonly #faults: Readonly<Faults>

  /** @param faults - read at each event, so that switches work at once */
  constructor({ place, labelSelector, fieldSelector }: Application, faults: Readonly<Faults>) {
    const byLabel = parseLabelSelector(labelSelector)
    const byField = localFieldSelector(fieldSelector, faults)
    this.place = place
    this.#selects = (object) => this.#isPlaced(object) && byLabel(object) && byField(object)
    this.#faults = faults
  }

  has(object: ApiObject): boolean {
    return this.#selects(object)
  }

  /** @returns what to tell, or `undefined` for nothing */
  operationFor({ type, object, previous }: WatchEvent): Operation | undefined {
    if (this.#selects(object)) return OPERATIONS[type]
    const isExit = type === 'MODIFIED' && previous !== undefined && this.#selects(previous)
    return isExit && !this.#faults.selectorExitUntold ? 'delete' : undefined
  }

  #isPlaced({ kind, metadata }: ApiObject): boolean {
    const { namespace, name } = this.place
    // CloudCore asks Pods for a field "metadata.namespaces", which none has.
    if (kind === 'Pod' && namespace !== undefined && this.#faults.namespacedPodWatchSilent) return false
    const isInNamespace = namespace === undefined || metadata.namespace === namespace
    return isInNamespace && (name === undefined || metadata.name === name)
  }
}
