import { type ApiObject, isRecord } from '../../api-double/api-object.ts'
import type { SliceCorruption } from '../faults/faults.ts'

const METASERVER_IP = '127.0.0.1'
const METASERVER_PORT = 10_550

/** Points the slice `default/kubernetes` at MetaServer, as is meant. */
export function withLocalApiServer(object: ApiObject): ApiObject {
  const { namespace, name } = object.metadata
  const isMeant = object.kind === 'EndpointSlice' && namespace === 'default' && name === 'kubernetes'
  return isMeant ? rewritten(object, 'released') : object
}

/**
 * The slices of a LIST as CloudCore passes them on. Its filter looks at the first item only and then rewrites all.
 *
 * @see KubeEdge, cloud/pkg/dynamiccontroller/filter/defaultmaster/defaultmaster.go
 */
export function ruinSlices(slices: readonly ApiObject[], corruption: SliceCorruption): readonly ApiObject[] {
  if (corruption === 'off') return slices.map(withLocalApiServer)
  return slices.map((slice) => rewritten(slice, corruption))
}

function rewritten(slice: ApiObject, corruption: Exclude<SliceCorruption, 'off'>): ApiObject {
  const { endpoints, ports = [] } = slice as ApiObject & {
    readonly endpoints?: unknown
    readonly ports?: unknown
  }
  const [first] = Array.isArray(endpoints) ? endpoints.filter(isRecord) : []
  const isHttps = (port: unknown): boolean => isRecord(port) && port['name'] === 'https'
  const written = Array.isArray(ports) ? ports : []
  if (first === undefined || (corruption === 'released' && !written.some(isHttps))) return slice
  return {
    ...slice,
    endpoints: [{ ...first, addresses: [METASERVER_IP] }],
    ports: written.map((port) => (isHttps(port) ? { ...port, port: METASERVER_PORT } : port)),
  }
}
