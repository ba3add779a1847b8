import type { ApiObject, ObjectStore } from '@edgeway/testbed'

const SERVICE_NAME = 'kubernetes.io/service-name'

/** A port of a Service and of its endpoints. */
export interface CloudPort {
  readonly name: string
  readonly port: number
  readonly targetPort: number
}

export interface CloudEndpoint {
  readonly node: string
  readonly ip: string
  readonly ready: boolean
}

/** @param key - `namespace/name` */
export function cloudService(key: string, clusterIP: string, ports: readonly CloudPort[]): ApiObject {
  const spec = {
    clusterIP,
    ports: ports.map(({ name, port }) => ({ name, port, protocol: 'TCP' })),
  }
  return { apiVersion: 'v1', kind: 'Service', metadata: metadataOf(key), spec }
}

/** @param key - `namespace/name` of the Service */
export function cloudEndpoints(
  key: string,
  ports: readonly CloudPort[],
  endpoints: readonly CloudEndpoint[],
): ApiObject {
  const addresses = (wanted: boolean): object[] =>
    endpoints.filter(({ ready }) => ready === wanted).map(({ ip, node }) => ({ ip, nodeName: node }))
  const subset = {
    addresses: addresses(true),
    notReadyAddresses: addresses(false),
    ports: ports.map(({ name, targetPort }) => ({
      name,
      port: targetPort,
      protocol: 'TCP',
    })),
  }
  const subsets = endpoints.length === 0 ? [] : [subset]
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: metadataOf(key),
    subsets,
  }
}

/** @param key - `namespace/name` of the Service, and of the slice */
export function cloudSlice(
  key: string,
  ports: readonly CloudPort[],
  endpoints: readonly CloudEndpoint[],
): ApiObject {
  const metadata = metadataOf(key)
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, labels: { [SERVICE_NAME]: metadata.name } },
    addressType: 'IPv4',
    ports: ports.map(({ name, targetPort }) => ({
      name,
      port: targetPort,
      protocol: 'TCP',
    })),
    endpoints: endpoints.map(({ ip, node, ready }) => ({
      addresses: [ip],
      conditions: { ready },
      nodeName: node,
    })),
  }
}

export function cloudNode(name: string, labels: Readonly<Record<string, string>>): ApiObject {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } }
}

/** Creates or replaces; an equal object stays as it is. */
export function put(store: ObjectStore, object: ApiObject): void {
  const ref = refOf(store, object)
  if (store.find(ref) === undefined) store.create(ref, object)
  else store.replace(ref, object)
}

/** Deletes the object of that kind and name. */
export function remove(store: ObjectStore, object: ApiObject): void {
  store.delete(refOf(store, object))
}

function refOf(store: ObjectStore, { apiVersion, kind: name, metadata }: ApiObject) {
  const kind = store.kinds.find(apiVersion, name)
  if (kind === undefined) throw new Error(`${apiVersion} ${name} is not served`)
  return { kind, namespace: metadata.namespace, name: metadata.name }
}

function metadataOf(key: string): {
  readonly namespace: string
  readonly name: string
} {
  const [namespace = '', name = ''] = key.split('/')
  return { namespace, name }
}
