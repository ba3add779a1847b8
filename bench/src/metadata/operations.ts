import type { CloudEndpoint, CloudPort } from './cloud-objects.ts'
import type { Draw, Weighted } from './draw.ts'
import type { Truth } from './truth.ts'

/** Changes the cluster, and says how. */
export type Operation = (draw: Draw, truth: Truth) => string

const NAMESPACES = ['shop', 'plant']
const SERVICES_PER_NAMESPACE = 20
const SERVICES = NAMESPACES.flatMap((namespace) =>
  Array.from({ length: SERVICES_PER_NAMESPACE }, (_, index) => `${namespace}/s${index}`),
)
const NODES = ['edge-1', 'edge-2', 'edge-3', 'cloud-1']
/** Sites share private subnets, so the same address is on several nodes. */
const IPS = ['10.1.0.1', '10.1.0.2', '10.1.0.3', '10.1.0.4']
const PLACES = NODES.flatMap((node) => IPS.map((ip) => ({ node, ip })))
/** Slices with a port named `https` are those that released versions of MetaServer rewrite. */
const PORTS: readonly CloudPort[] = [
  { name: 'http', port: 80, targetPort: 8_080 },
  { name: 'https', port: 443, targetPort: 8_443 },
  { name: 'metrics', port: 9_100, targetPort: 9_100 },
]

const OPERATIONS: readonly Weighted<Operation>[] = [
  { weight: 4, value: setService },
  { weight: 2, value: deleteService },
  { weight: 8, value: setEndpoints },
  { weight: 4, value: turnReadiness },
  { weight: 2, value: deleteEndpoints },
  { weight: 2, value: recreateService },
  { weight: 2, value: setNode },
  { weight: 1, value: deleteNode },
]

/** Changes something, drawn by lot. */
export function operate(draw: Draw, truth: Truth): string {
  return draw.weighted(OPERATIONS)(draw, truth)
}

function setService(draw: Draw, truth: Truth): string {
  const key = draw.one(SERVICES)
  // A ClusterIP is a Service's own for ever, as in a cluster it is at any one time.
  const clusterIp = `10.96.${SERVICES.indexOf(key)}.${draw.below(10)}`
  const ports = portsFrom(draw)
  truth.setService(key, { clusterIp, ports })
  return `set Service ${key} ${clusterIp} ${ports.map(({ name }) => name)}`
}

function deleteService(draw: Draw, truth: Truth): string {
  const key = existing(draw, truth.services)
  if (key === undefined) return setService(draw, truth)
  truth.deleteService(key)
  return `delete Service ${key}`
}

/** The same name and content, but another object. */
function recreateService(draw: Draw, truth: Truth): string {
  const key = existing(draw, truth.services)
  const service = key === undefined ? undefined : truth.services.get(key)
  if (key === undefined || service === undefined) return setService(draw, truth)
  truth.deleteService(key)
  truth.setService(key, service)
  return `delete Service ${key} and make it anew`
}

function setEndpoints(draw: Draw, truth: Truth): string {
  const key = draw.one(SERVICES)
  const ports = draw.below(4) === 0 ? undefined : truth.endpoints.get(key)?.ports
  const places = draw.some(draw.some(PLACES))
  const endpoints = places.map((place): CloudEndpoint => ({ ...place, ready: draw.below(4) > 0 }))
  return write(truth, key, { ports: ports ?? portsFrom(draw), endpoints })
}

function turnReadiness(draw: Draw, truth: Truth): string {
  const key = existing(draw, truth.endpoints)
  const known = key === undefined ? undefined : truth.endpoints.get(key)
  if (key === undefined || known === undefined || known.endpoints.length === 0)
    return setEndpoints(draw, truth)
  const turned = draw.one(known.endpoints)
  const endpoints = known.endpoints.map((one) => (one === turned ? { ...one, ready: !one.ready } : one))
  return write(truth, key, { ...known, endpoints })
}

function write(truth: Truth, key: string, endpoints: Parameters<Truth['setEndpoints']>[1]): string {
  truth.setEndpoints(key, endpoints)
  const texts = endpoints.endpoints.map(({ node, ip, ready }) => `${node}/${ip}${ready ? '' : '-'}`)
  return `set Endpoints ${key} ${endpoints.ports.map(({ name }) => name)} at ${texts.join(' ') || 'nothing'}`
}

function deleteEndpoints(draw: Draw, truth: Truth): string {
  const key = existing(draw, truth.endpoints)
  if (key === undefined) return setEndpoints(draw, truth)
  truth.deleteEndpoints(key)
  return `delete Endpoints ${key}`
}

function setNode(draw: Draw, truth: Truth): string {
  const name = draw.one(NODES)
  const zone = draw.one(['a', 'b', 'c'])
  truth.setNode(name, { 'topology.kubernetes.io/zone': zone })
  return `set Node ${name} ${zone}`
}

function deleteNode(draw: Draw, truth: Truth): string {
  const name = existing(draw, truth.nodes)
  if (name === undefined) return setNode(draw, truth)
  truth.deleteNode(name)
  return `delete Node ${name}`
}

function portsFrom(draw: Draw): readonly CloudPort[] {
  const ports = draw.some(PORTS)
  return ports.length === 0 ? PORTS.slice(0, 1) : ports
}

function existing(draw: Draw, map: ReadonlyMap<string, unknown>): string | undefined {
  return map.size === 0 ? undefined : draw.one([...map.keys()])
}
