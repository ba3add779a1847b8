import type { ApiObject } from '../../api-double/api-object.ts'
import type { Faults } from '../faults/faults.ts'
import { itemsOf, type Place, type Resource } from '../resource.ts'
import type { CloudAnswer } from './cloud.ts'
import { ruinSlices, withLocalApiServer } from './endpoint-slice-filter.ts'
import type { Informers } from './informers.ts'
import { withinNodeGroup } from './node-group-filter.ts'

/** What is filtered, and by what. */
const ENDPOINTS: readonly string[] = ['endpoints', 'endpointslices']
const SERVICES = { group: '', version: 'v1', resource: 'services' } as const
const NODES = { group: '', version: 'v1', resource: 'nodes' } as const

export interface NodeViewParts {
  readonly informers: Informers
  readonly faults: Readonly<Faults>
  /** Whose node group endpoints are kept to; `undefined`: to none. */
  readonly nodeName: string | undefined
}

/** Objects as CloudCore's filters let a node see them. */
export class NodeView {
  readonly #parts: NodeViewParts

  constructor(parts: NodeViewParts) {
    this.#parts = parts
  }

  /** Follows what a resource is filtered by, before any of it goes to the node. */
  async prepare({ resource }: Resource): Promise<void> {
    const { informers, nodeName } = this.#parts
    if (nodeName === undefined || !ENDPOINTS.includes(resource)) return
    await Promise.allSettled([SERVICES, NODES].map(async (one) => await informers.of(one)))
  }

  ofObject(object: ApiObject): ApiObject {
    return withLocalApiServer(this.#withinGroup(object))
  }

  /** @param place - what the answer is of */
  async ofAnswer(answer: CloudAnswer, place: Place): Promise<CloudAnswer> {
    if (!ENDPOINTS.includes(place.resource) || answer.code !== 200) return answer
    await this.prepare(place)
    const body: unknown = JSON.parse(answer.text)
    const seen =
      place.name === undefined
        ? { ...(body as object), items: this.#ofList(itemsOf(body)) }
        : this.ofObject(body as ApiObject)
    return { ...answer, text: JSON.stringify(seen) }
  }

  #ofList(objects: readonly ApiObject[]): readonly ApiObject[] {
    const kept = objects.map((object) => this.#withinGroup(object))
    return kept[0]?.kind === 'EndpointSlice' ? ruinSlices(kept, this.#parts.faults.endpointSliceLists) : kept
  }

  #withinGroup(object: ApiObject): ApiObject {
    const { informers, nodeName } = this.#parts
    if (nodeName === undefined) return object
    return withinNodeGroup(object, {
      nodeName,
      service: (namespace, name) => informers.started(SERVICES)?.find(namespace, name),
      node: (name) => informers.started(NODES)?.find(undefined, name),
    })
  }
}
