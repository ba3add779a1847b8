import { isRecord, objectKey, type WatchEvent } from '../api-object.ts'
import { type StatusCause, StatusError } from '../status-error.ts'
import { invalidValue } from './invalid.ts'
import { ValuePool } from './value-pool.ts'

type Fields = Readonly<Record<string, unknown>>

/** Where ClusterIPs come from: the upper half of kubeadm's default range, so that manifests can name those below. */
const CLUSTER_IPS = { prefix: '10.96', firstThird: 128, lastThird: 255 } as const
/** As kube-apiserver's `--service-node-port-range`. */
export const NODE_PORTS = { first: 30_000, last: 32_767 } as const

/** Which Service has which addresses and node ports; follows the stored Services. */
export class ServiceAllocations {
  readonly #clusterIps = new ValuePool<unknown>(clusterIps())
  readonly #nodePorts = new ValuePool<unknown>(nodePorts())

  /** @throws {StatusError} `InternalError` when none is left */
  freeClusterIp(): unknown {
    return freeOf(this.#clusterIps, 'serviceIP')
  }

  /**
   * @param except - what the Service that asks is to have besides
   * @throws {StatusError} `InternalError` when none is left
   */
  freeNodePort(except: ReadonlySet<unknown>): unknown {
    return freeOf(this.#nodePorts, 'nodePort', except)
  }

  /** What a spec has that belongs to another Service than the one of that key. */
  conflictsOf(spec: Fields, service: string): StatusCause[] {
    const { clusterIps, nodePorts } = holdingsOf(spec)
    return [
      ...clusterIps
        .filter((ip) => isOthers(this.#clusterIps, ip, service))
        .map((ip) =>
          invalidValue(
            'spec.clusterIPs',
            [ip],
            `failed to allocate IP ${String(ip)}: provided IP is already allocated`,
          ),
        ),
      ...nodePorts
        .filter(({ nodePort }) => isOthers(this.#nodePorts, nodePort, service))
        .map(({ field, nodePort }) => invalidValue(field, nodePort, 'provided port is already allocated')),
    ]
  }

  /** Is to be told of every change of a Service. */
  note({ type, object, previous }: WatchEvent): void {
    const owner = objectKey(object.metadata)
    const before = holdingsOf((previous ?? object)['spec'])
    for (const ip of before.clusterIps) this.#clusterIps.release(ip, owner)
    for (const { nodePort } of before.nodePorts) this.#nodePorts.release(nodePort, owner)
    if (type === 'DELETED') return
    const after = holdingsOf(object['spec'])
    for (const ip of after.clusterIps) this.#clusterIps.take(ip, owner)
    for (const { nodePort } of after.nodePorts) this.#nodePorts.take(nodePort, owner)
  }
}

function freeOf<Value>(pool: ValuePool<Value>, what: string, except?: ReadonlySet<unknown>): Value {
  const value = pool.free(except)
  if (value === undefined)
    throw new StatusError('InternalError', `failed to allocate a ${what}: range is full`)
  return value
}

/** The addresses in a Service's spec: one, or one of each family. */
function clusterIpsOf({ clusterIP, clusterIPs }: Fields): readonly unknown[] {
  const listed: readonly unknown[] = Array.isArray(clusterIPs) ? clusterIPs : []
  return [...new Set([clusterIP, ...listed])].filter((ip) => ip !== undefined && ip !== 'None' && ip !== '')
}

export function portListOf({ ports }: Fields): readonly Fields[] {
  return Array.isArray(ports) ? ports.filter(isRecord) : []
}

interface Holdings {
  readonly clusterIps: readonly unknown[]
  readonly nodePorts: readonly { readonly field: string; readonly nodePort: unknown }[]
}

function holdingsOf(spec: unknown): Holdings {
  const fields = isRecord(spec) ? spec : {}
  const nodePorts = portListOf(fields).map(({ nodePort }, index) => ({
    field: `spec.ports[${index}].nodePort`,
    nodePort,
  }))
  return {
    clusterIps: clusterIpsOf(fields),
    nodePorts: nodePorts.filter(({ nodePort }) => nodePort !== undefined),
  }
}

function isOthers(pool: ValuePool<unknown>, value: unknown, service: string): boolean {
  return (pool.ownerOf(value) ?? service) !== service
}

function* clusterIps(): Generator<string> {
  for (let third: number = CLUSTER_IPS.firstThird; third <= CLUSTER_IPS.lastThird; third++)
    for (let last = 1; last < 255; last++) yield `${CLUSTER_IPS.prefix}.${third}.${last}`
}

function* nodePorts(): Generator<number> {
  for (let port: number = NODE_PORTS.first; port <= NODE_PORTS.last; port++) yield port
}
