import { type ApiObject, isRecord } from '../../api-double/api-object.ts'

const GROUP_LABEL = 'apps.kubeedge.io/belonging-to'
const TOPOLOGY_ANNOTATION = 'apps.kubeedge.io/service-topology'
const SERVICE_LABEL = 'kubernetes.io/service-name'

/** What the filter knows of the cluster. */
export interface NodeGroups {
  /** Whom the objects are for. */
  readonly nodeName: string
  service(namespace: string | undefined, name: string): ApiObject | undefined
  node(name: string): ApiObject | undefined
}

/**
 * Endpoints and slices as a node gets them: of a Service that is kept to node groups, only those of its own group.
 *
 * @see KubeEdge, cloud/pkg/dynamiccontroller/filter/endpointresource
 */
export function withinNodeGroup(object: ApiObject, groups: NodeGroups): ApiObject {
  const name = serviceNameOf(object)
  const service = name === undefined ? undefined : groups.service(object.metadata.namespace, name)
  if (service?.metadata.annotations?.[TOPOLOGY_ANNOTATION] !== 'range-nodegroup') return object
  const near = (value: unknown): readonly unknown[] =>
    Array.isArray(value) ? value.filter((endpoint) => isNear(endpoint, groups)) : []
  if (object.kind === 'EndpointSlice') return { ...object, endpoints: near(object['endpoints']) }
  const subsets = Array.isArray(object['subsets']) ? object['subsets'].filter(isRecord) : []
  return {
    ...object,
    subsets: subsets.map((subset) => ({
      ...subset,
      ...('addresses' in subset ? { addresses: near(subset['addresses']) } : {}),
      ...('notReadyAddresses' in subset ? { notReadyAddresses: near(subset['notReadyAddresses']) } : {}),
    })),
  }
}

function serviceNameOf({ kind, metadata }: ApiObject): string | undefined {
  if (kind === 'Endpoints') return metadata.name
  return kind === 'EndpointSlice' ? metadata.labels?.[SERVICE_LABEL] : undefined
}

function isNear(endpoint: unknown, { nodeName, node }: NodeGroups): boolean {
  const name = isRecord(endpoint) ? endpoint['nodeName'] : undefined
  if (name === nodeName) return true
  const [own, other] = [node(nodeName), typeof name === 'string' ? node(name) : undefined]
  if (own === undefined || other === undefined) return false
  return own.metadata.labels?.[GROUP_LABEL] === other.metadata.labels?.[GROUP_LABEL]
}
