import { formatEndpoint, type NodeDirectory, type ServiceDirectory } from '@edgeway/core'

/** What somebody knows of a cluster: a line of text by the name of each ServicePort (`port …`) and Node (`node …`). */
export type View = ReadonlyMap<string, string>

export interface PortLine {
  /** Of the Service, at its port. */
  readonly address: string
  /** `formatEndpoint` of each, and whether it is ready; in any order. */
  readonly endpoints: readonly {
    readonly text: string
    readonly ready: boolean
  }[]
}

export function portLine({ address, endpoints }: PortLine): string {
  const texts = endpoints.map(({ text, ready }) => `${text}${ready ? '' : ' (not ready)'}`)
  return `${address} -> ${texts.toSorted().join(', ') || 'nothing'}`
}

export function nodeLine(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(labels)
}

/** What the directories answer now. */
export function viewOf(services: ServiceDirectory, nodes: NodeDirectory): View {
  const view = new Map<string, string>()
  for (const { name } of services.servicePorts()) view.set(`port ${name}`, lineOfPort(services, name))
  for (const { name, labels } of nodes.nodes()) view.set(`node ${name}`, nodeLine(labels))
  return view
}

/** @returns an empty text for a ServicePort that there is not */
export function lineOfPort(
  services: ServiceDirectory,
  name: Parameters<ServiceDirectory['endpoints']>[0],
): string {
  const port = services.servicePort(name)
  if (port === undefined) return ''
  const [ip = ''] = port.clusterIps
  const isFound = services.lookup(ip, port.port, port.protocol)?.name === name
  const endpoints = services.endpoints(name).map((endpoint) => ({
    text: formatEndpoint(endpoint) + (services.hasEndpoint(endpoint) ? '' : ' (not indexed)'),
    ready: endpoint.ready,
  }))
  return portLine({
    address: `${ip}:${port.port}${isFound ? '' : ' (not found)'}`,
    endpoints,
  })
}

/** A line per difference, for people; none when the views are equal. */
export function differencesOf(truth: View, view: View): string[] {
  const names = new Set([...truth.keys(), ...view.keys()])
  return [...names]
    .filter((name) => truth.get(name) !== view.get(name))
    .map((name) => `${name}: is ${truth.get(name) ?? 'absent'}; seen as ${view.get(name) ?? 'absent'}`)
}
