import type { StatusCause } from '../status-error.ts'
import { duplicate, forbidden, invalidValue } from './invalid.ts'
import { NODE_PORTS, portListOf, type ServiceAllocations } from './service-allocations.ts'

type Fields = Readonly<Record<string, unknown>>

/** Types of Services whose ports are open on every node. */
const NODE_PORT_TYPES: readonly unknown[] = ['NodePort', 'LoadBalancer']

/**
 * The ports of a Service whose type and protocols are filled in: with the node ports that they had, else with free ones.
 * Of another type they have none, although the write may still name those of the former type.
 */
export function withNodePorts(
  spec: Fields,
  former: Fields,
  allocations: ServiceAllocations,
): readonly Fields[] {
  const ports = portListOf(spec).map(withoutEmptyNodePort)
  if (!NODE_PORT_TYPES.includes(spec['type'])) return ports.map((port) => withoutFormerNodePort(port, former))
  const known = ports.map((port) => port['nodePort'] ?? formerNodePort(port, former))
  const mine = new Set(known)
  return ports.map((port, index) => {
    const nodePort = known[index] ?? allocations.freeNodePort(mine)
    mine.add(nodePort)
    return { ...port, nodePort }
  })
}

/** 0 and `null` name no port. */
function withoutEmptyNodePort({ nodePort, ...port }: Fields): Fields {
  return nodePort === 0 || nodePort === null || nodePort === undefined ? port : { ...port, nodePort }
}

function withoutFormerNodePort({ nodePort, ...port }: Fields, former: Fields): Fields {
  return nodePort === undefined || nodePort === formerNodePort(port, former) ? port : { ...port, nodePort }
}

function formerNodePort(port: Fields, former: Fields): unknown {
  const same = portListOf(former).find(
    (one) => one['port'] === port['port'] && one['protocol'] === port['protocol'],
  )
  return same?.['nodePort']
}

export function checkNodePorts(spec: Fields): StatusCause[] {
  const ports = portListOf(spec)
  return ports.flatMap(({ nodePort, protocol }, index) => {
    if (nodePort === undefined) return []
    const field = `spec.ports[${index}].nodePort`
    if (!NODE_PORT_TYPES.includes(spec['type']))
      return [forbidden(field, `may not be used when \`type\` is '${String(spec['type'])}'`)]
    const isThere = ports
      .slice(0, index)
      .some((other) => other['nodePort'] === nodePort && other['protocol'] === protocol)
    if (isThere) return [duplicate(field, nodePort)]
    return isNodePort(nodePort) ? [] : [invalidValue(field, nodePort, EXPECTED)]
  })
}

const EXPECTED = `provided port is not in the valid range. The range of valid ports is ${NODE_PORTS.first}-${NODE_PORTS.last}`

function isNodePort(value: unknown): boolean {
  return typeof value === 'number' && value >= NODE_PORTS.first && value <= NODE_PORTS.last
}
