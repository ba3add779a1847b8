import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import { type ApiObject, isRecord, type ObjectRef } from '../api-object.ts'
import { kindNamed } from '../kinds.ts'
import type { ObjectStore } from '../object-store.ts'
import { StatusError } from '../status-error.ts'

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
  return store.onChange(({ kind }, { object, previous }) => {
    if (kind !== 'Endpoints' && kind !== 'Service') return
    const former = kind === 'Endpoints' ? slicesOf(previous ?? object) : []
    // After the change was told to everybody, so that all see changes in their order.
    queueMicrotask(() => mirrorOne(store, object.metadata, former))
  })
}

/** @param former - the slices of the Endpoints before the change, of which there may be some */
function mirrorOne(
  store: ObjectStore,
  { namespace, name }: Pick<ApiObject['metadata'], 'namespace' | 'name'>,
  former: readonly ApiObject[],
): void {
  const endpoints = store.find({ kind: kindNamed('Endpoints'), namespace, name })
  const service = store.find({ kind: kindNamed('Service'), namespace, name })
  const slices = endpoints === undefined ? [] : slicesOf(endpoints)
  const isWanted = endpoints !== undefined && service !== undefined && isMirrored(endpoints, service)
  const wanted = isWanted ? slices : []
  for (const slice of wanted) write(store, slice)
  const names = new Set(wanted.map(({ metadata }) => metadata.name))
  for (const slice of [...former, ...slices]) if (!names.has(slice.metadata.name)) remove(store, slice)
}

function write(store: ObjectStore, slice: ApiObject): void {
  const ref = refOf(slice)
  try {
    if (store.find(ref) === undefined) store.create(ref, slice)
    else store.replace(ref, slice)
  } catch (error) {
    // A namespace that is being terminated takes nothing new.
    if (!(error instanceof StatusError && error.reason === 'Forbidden')) throw error
  }
}

function remove(store: ObjectStore, slice: ApiObject): void {
  const ref = refOf(slice)
  if (store.find(ref)?.metadata.labels?.[MANAGED_BY] === CONTROLLER) store.delete(ref)
}

function isMirrored({ metadata }: ApiObject, service: ApiObject): boolean {
  const spec = recordOf(service['spec'])
  return (
    metadata.labels?.[SKIP_MIRROR] !== 'true' &&
    metadata.annotations?.[LEADER] === undefined &&
    Object.keys(recordOf(spec['selector'])).length === 0
  )
}

/** One slice per address family and set of ports. */
function slicesOf(endpoints: ApiObject): ApiObject[] {
  const subsets = Array.isArray(endpoints['subsets']) ? endpoints['subsets'].map(recordOf) : []
  const byPorts = Map.groupBy(subsets, (subset) => JSON.stringify(portsOf(subset)))
  return [...byPorts.values()]
    .flatMap((same) => [sliceOf(endpoints, same, 'IPv4'), sliceOf(endpoints, same, 'IPv6')])
    .filter((slice) => slice !== undefined)
}

function portsOf(subset: Fields): readonly Fields[] {
  return listOf(subset['ports']).map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
    name,
    port,
    protocol,
    ...(appProtocol === undefined ? {} : { appProtocol }),
  }))
}

/** @param subsets - all of the same ports */
function sliceOf(
  { metadata }: ApiObject,
  subsets: readonly Fields[],
  addressType: 'IPv4' | 'IPv6',
): ApiObject | undefined {
  const family = addressType === 'IPv4' ? 4 : 6
  const addresses = (field: string, ready: boolean): Fields[] =>
    subsets
      .flatMap((subset) => listOf(subset[field]))
      .filter(({ ip }) => isIP(String(ip)) === family)
      .map((address) => endpointOf(address, ready))
  const endpoints = [...addresses('addresses', true), ...addresses('notReadyAddresses', false)].slice(
    0,
    MAX_ADDRESSES,
  )
  if (endpoints.length === 0) return undefined
  const ports = subsets.slice(0, 1).flatMap(portsOf)
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

function refOf({ metadata: { namespace, name } }: ApiObject): ObjectRef {
  return { kind: kindNamed('EndpointSlice'), namespace, name }
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}

function recordOf(value: unknown): Fields {
  return isRecord(value) ? value : {}
}
