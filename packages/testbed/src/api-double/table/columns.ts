import { type ApiObject, isRecord } from '../api-object.ts'
import type { PrinterColumn } from '../kind-registry.ts'
import { ageOf } from './age.ts'

/** One column of a table; `priority` above 0 is for `-o wide`. */
export interface Column {
  readonly name: string
  readonly type: string
  readonly priority?: number
  /** `undefined`: there is nothing to show. */
  cell(object: ApiObject): unknown
}

type Fields = Readonly<Record<string, unknown>>

function column(name: string, cell: (object: ApiObject) => unknown): Column {
  return { name, type: 'string', cell }
}

function wide(name: string, cell: (object: ApiObject) => unknown): Column {
  return { name, type: 'string', priority: 1, cell }
}

function count(name: string, path: string): Column {
  return { name, type: 'integer', cell: (object) => Number(valueAt(object, path) ?? 0) }
}

const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  ConfigMap: [
    { name: 'Data', type: 'integer', cell: ({ data, binaryData }) => keysOf(data) + keysOf(binaryData) },
  ],
  CustomResourceDefinition: [column('Created At', ({ metadata }) => metadata.creationTimestamp)],
  DaemonSet: [
    count('Desired', 'status.desiredNumberScheduled'),
    count('Current', 'status.currentNumberScheduled'),
    count('Ready', 'status.numberReady'),
    count('Up-to-date', 'status.updatedNumberScheduled'),
    count('Available', 'status.numberAvailable'),
    column('Node Selector', (object) => textOfMap(valueAt(object, 'spec.template.spec.nodeSelector'))),
    wide('Containers', (object) => containersOf(object, 'name')),
    wide('Images', (object) => containersOf(object, 'image')),
    wide('Selector', (object) => textOfMap(valueAt(object, 'spec.selector.matchLabels'))),
  ],
  Deployment: [
    column(
      'Ready',
      (object) =>
        `${Number(valueAt(object, 'status.readyReplicas') ?? 0)}/${Number(valueAt(object, 'spec.replicas') ?? 0)}`,
    ),
    count('Up-to-date', 'status.updatedReplicas'),
    count('Available', 'status.availableReplicas'),
    wide('Containers', (object) => containersOf(object, 'name')),
    wide('Images', (object) => containersOf(object, 'image')),
    wide('Selector', (object) => textOfMap(valueAt(object, 'spec.selector.matchLabels'))),
  ],
  Endpoints: [column('Endpoints', ({ subsets }) => endpointsText(subsets))],
  EndpointSlice: [
    column('AddressType', ({ addressType }) => addressType),
    column(
      'Ports',
      ({ ports }) =>
        recordsOf(ports)
          .map(({ port }) => port)
          .join(',') || '<unset>',
    ),
    column(
      'Endpoints',
      ({ endpoints }) =>
        recordsOf(endpoints)
          .flatMap(({ addresses }) => addresses)
          .join(',') || '<unset>',
    ),
  ],
  Namespace: [column('Status', (object) => valueAt(object, 'status.phase'))],
  Node: [
    column('Status', nodeStatus),
    column('Roles', ({ metadata }) => rolesOf(metadata.labels ?? {})),
    column('Version', (object) => valueAt(object, 'status.nodeInfo.kubeletVersion') ?? ''),
  ],
  Pod: [
    column('Ready', readyContainers),
    column('Status', (object) => valueAt(object, 'status.phase')),
    column('Restarts', (object) =>
      recordsOf(valueAt(object, 'status.containerStatuses')).reduce(
        (sum, { restartCount }) => sum + Number(restartCount ?? 0),
        0,
      ),
    ),
    wide('IP', (object) => valueAt(object, 'status.podIP')),
    wide('Node', (object) => valueAt(object, 'spec.nodeName')),
  ],
  PriorityClass: [
    { name: 'Value', type: 'integer', cell: ({ value }) => value },
    column('Global-Default', ({ globalDefault }) => globalDefault === true),
  ],
  Role: [column('Created At', ({ metadata }) => metadata.creationTimestamp)],
  ClusterRole: [column('Created At', ({ metadata }) => metadata.creationTimestamp)],
  RoleBinding: [column('Role', roleOf)],
  ClusterRoleBinding: [column('Role', roleOf)],
  Secret: [
    column('Type', ({ type }) => type),
    { name: 'Data', type: 'integer', cell: ({ data }) => keysOf(data) },
  ],
  Service: [
    column('Type', (object) => valueAt(object, 'spec.type')),
    column('Cluster-IP', (object) => valueAt(object, 'spec.clusterIP')),
    column('External-IP', externalIps),
    column('Port(s)', servicePorts),
    wide('Selector', (object) => textOfMap(valueAt(object, 'spec.selector'))),
  ],
}

export function columnsOf(kind: string): readonly Column[] {
  return COLUMNS[kind] ?? []
}

/** `additionalPrinterColumns` of a CustomResourceDefinition. */
export function customColumns(columns: readonly PrinterColumn[]): readonly Column[] {
  return columns.map(({ name, type, jsonPath, priority = 0 }) => ({
    name,
    type,
    priority,
    cell: (object) => {
      const value = valueAt(object, jsonPath.replace(/^\./, ''))
      return type === 'date' ? ageOf(value === undefined ? undefined : String(value)) : value
    },
  }))
}

/** @param path - fields with dots between them; items of lists as `[0]` */
function valueAt(object: unknown, path: string): unknown {
  const fields = path.replaceAll(/\[(\d+)\]/g, '.$1').split('.')
  return fields.reduce<unknown>(
    (value, field) => (isRecord(value) || Array.isArray(value) ? (value as Fields)[field] : undefined),
    object,
  )
}

function keysOf(value: unknown): number {
  return isRecord(value) ? Object.keys(value).length : 0
}

function recordsOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}

function textOfMap(value: unknown): string {
  const pairs = isRecord(value) ? Object.entries(value).map(([key, one]) => `${key}=${String(one)}`) : []
  return pairs.length === 0 ? '<none>' : pairs.join(',')
}

function containersOf(object: ApiObject, field: 'name' | 'image'): string {
  return recordsOf(valueAt(object, 'spec.template.spec.containers'))
    .map((container) => container[field])
    .join(',')
}

function endpointsText(subsets: unknown): string {
  const found = recordsOf(subsets).flatMap(({ addresses, ports }) =>
    recordsOf(addresses).flatMap(({ ip }) =>
      recordsOf(ports).map(({ port }) => `${String(ip)}:${String(port)}`),
    ),
  )
  const shown = found.slice(0, 3).join(',')
  if (found.length > 3) return `${shown} + ${found.length - 3} more...`
  return shown === '' ? '<none>' : shown
}

function externalIps(object: ApiObject): string {
  if (valueAt(object, 'spec.type') === 'ExternalName') return String(valueAt(object, 'spec.externalName'))
  const fixed = valueAt(object, 'spec.externalIPs')
  const assigned = recordsOf(valueAt(object, 'status.loadBalancer.ingress')).map(
    ({ ip, hostname }) => ip ?? hostname,
  )
  const all = [...assigned, ...(Array.isArray(fixed) ? fixed : [])]
  if (all.length > 0) return all.join(',')
  return valueAt(object, 'spec.type') === 'LoadBalancer' ? '<pending>' : '<none>'
}

function servicePorts(object: ApiObject): string {
  const ports = recordsOf(valueAt(object, 'spec.ports')).map(({ port, nodePort, protocol }) =>
    nodePort === undefined
      ? `${String(port)}/${String(protocol)}`
      : `${String(port)}:${String(nodePort)}/${String(protocol)}`,
  )
  return ports.length === 0 ? '<none>' : ports.join(',')
}

function nodeStatus(object: ApiObject): string {
  const ready = recordsOf(valueAt(object, 'status.conditions')).find(({ type }) => type === 'Ready')
  const state = ready === undefined ? 'Unknown' : ready['status'] === 'True' ? 'Ready' : 'NotReady'
  return valueAt(object, 'spec.unschedulable') === true ? `${state},SchedulingDisabled` : state
}

const ROLE_LABEL = 'node-role.kubernetes.io/'

function rolesOf(labels: Readonly<Record<string, string>>): string {
  const roles = Object.keys(labels)
    .filter((label) => label.startsWith(ROLE_LABEL))
    .map((label) => label.slice(ROLE_LABEL.length))
  return roles.length === 0 ? '<none>' : roles.sort().join(',')
}

function readyContainers(object: ApiObject): string {
  const statuses = recordsOf(valueAt(object, 'status.containerStatuses'))
  const containers = recordsOf(valueAt(object, 'spec.containers'))
  return `${statuses.filter(({ ready }) => ready === true).length}/${containers.length}`
}

function roleOf(object: ApiObject): string {
  return `${String(valueAt(object, 'roleRef.kind'))}/${String(valueAt(object, 'roleRef.name'))}`
}
