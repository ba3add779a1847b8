import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import { type ApiObject, isRecord, type ObjectRef } from '../api-object.ts'
import { kindNamed } from '../kinds.ts'
import type { ObjectStore } from '../object-store.ts'

const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by'
const CONTROLLER = 'endpointslicemirroring-controller.k8s.io'
const SERVICE_NAME = 'kubernetes.io/service-name'
const SKIP_MIRROR = 'endpointslice.kubernetes.io/skip-mirror'
const LEADER = 'control-plane.alpha.kubernetes.io/leader'
/** As the controller's `--mirroring-max-endpoints-per-subset`. */
const MAX_ADDRESSES = 1_000

type Fields = Readonly<Record<string, unknown>>

/**
 * Copies Endpoints of Services without selector into EndpointSlices, as Kubernetes' EndpointSliceMirroring controller
 * does. Endpoints of Services with a selector have their slices from elsewhere.
 *
 * @see https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#endpointslice-mirroring
 */
export function mirrorEndpoints(store: ObjectStore): Disposable {
  return store.onChange(({ kind }, { object }) => {
    if (kind !== 'Endpoints' && kind !== 'Service') return
    const { namespace, name } = object.metadata
    // After the change was told to everybody, so that all see changes in their order.
    queueMicrotask(() => mirrorOne(store, namespace, name))
  })
}

function mirrorOne(store: ObjectStore, namespace: string | undefined, name: string): void {
  const endpoints = store.find({ kind: kindNamed('Endpoints'), namespace, name })
  const service = store.find({ kind: kindNamed('Service'), namespace, name })
  const isWanted = endpoints !== undefined && service !== undefined && isMirrored(endpoints, service)
  const wanted = isWanted ? slicesOf(endpoints) : []
  for (const slice of wanted) {
    const ref = refOf(namespace, slice.metadata.name)
    if (store.find(ref) === undefined) store.create(ref, slice)
    else store.replace(ref, slice)
  }
  for (const slice of slicesThere(store, namespace, name))
    if (!wanted.some(({ metadata }) => metadata.name === slice.metadata.name))
      store.delete(refOf(namespace, slice.metadata.name))
}

function isMirrored({ metadata }: ApiObject, service: ApiObject): boolean {
  const spec = recordOf(service['spec'])
  return (
    metadata.labels?.[SKIP_MIRROR] !== 'true' &&
    metadata.annotations?.[LEADER] === undefined &&
    Object.keys(recordOf(spec['selector'])).length === 0
  )
}

/** One slice per subset and address family. */
function slicesOf(endpoints: ApiObject): ApiObject[] {
  const subsets = Array.isArray(endpoints['subsets']) ? endpoints['subsets'].map(recordOf) : []
  return subsets
    .flatMap((subset) => [sliceOf(endpoints, subset, 'IPv4'), sliceOf(endpoints, subset, 'IPv6')])
    .filter((slice) => slice !== undefined)
}

function sliceOf(
  { metadata }: ApiObject,
  subset: Fields,
  addressType: 'IPv4' | 'IPv6',
): ApiObject | undefined {
  const family = addressType === 'IPv4' ? 4 : 6
  const addresses = (field: string, ready: boolean): Fields[] =>
    listOf(subset[field])
      .filter(({ ip }) => isIP(String(ip)) === family)
      .map((address) => endpointOf(address, ready))
  const endpoints = [...addresses('addresses', true), ...addresses('notReadyAddresses', false)].slice(
    0,
    MAX_ADDRESSES,
  )
  if (endpoints.length === 0) return undefined
  const ports = listOf(subset['ports']).map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
    name,
    port,
    protocol,
    ...(appProtocol === undefined ? {} : { appProtocol }),
  }))
  const digest = createHash('sha256')
    .update(JSON.stringify([addressType, ports]))
    .digest('hex')
    .slice(0, 5)
  const labels = Object.fromEntries(
    Object.entries(metadata.labels ?? {}).filter(([label]) => label !== SKIP_MIRROR),
  )
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${metadata.name}-${digest}`,
      namespace: metadata.namespace,
      labels: { ...labels, [SERVICE_NAME]: metadata.name, [MANAGED_BY]: CONTROLLER },
      ownerReferences: [
        {
          apiVersion: 'v1',
          kind: 'Endpoints',
          name: metadata.name,
          uid: metadata.uid ?? '',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    addressType,
    ports,
    endpoints,
  }
}

function endpointOf({ ip, nodeName, hostname, targetRef }: Fields, ready: boolean): Fields {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(targetRef === undefined ? {} : { targetRef }),
  }
}

function slicesThere(
  store: ObjectStore,
  namespace: string | undefined,
  service: string,
): readonly ApiObject[] {
  return store
    .list({ kind: kindNamed('EndpointSlice'), namespace })
    .items.filter(
      ({ metadata: { labels } }) => labels?.[MANAGED_BY] === CONTROLLER && labels[SERVICE_NAME] === service,
    )
}

function refOf(namespace: string | undefined, name: string): ObjectRef {
  return { kind: kindNamed('EndpointSlice'), namespace, name }
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}

function recordOf(value: unknown): Fields {
  return isRecord(value) ? value : {}
}
