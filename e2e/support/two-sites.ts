import {
  endpointSliceObject,
  type LabPod,
  Mesh,
  type MeshOptions,
  type NodeSpec,
  namespaceObject,
  nodeObject,
  type ServiceSpec,
  type SiteSpec,
  serviceObject,
  startDnsUpstream,
  startHttpEcho,
  type Topology,
} from '@edgeway/testbed'
import { callUntil } from './call.ts'

/** The port on which the pods of the scenarios serve. */
export const POD_PORT = 8080

/** On edge-1, behind the NAT of site-a. */
export const ALPHA: ServiceSpec = { namespace: 'apps', name: 'alpha', clusterIp: '10.96.0.21', port: 80 }
/** On edge-2, behind the NAT of site-b; its pod has the address of alpha's. */
export const BETA: ServiceSpec = { namespace: 'apps', name: 'beta', clusterIp: '10.96.0.22', port: 80 }
/** On the cloud node. */
export const GAMMA: ServiceSpec = { namespace: 'apps', name: 'gamma', clusterIp: '10.96.0.23', port: 80 }
/** Nothing serves it. */
export const IDLE: ServiceSpec = { namespace: 'apps', name: 'idle', clusterIp: '10.96.0.24', port: 80 }

/** On the public segment, but no node of the cluster. */
export const VISITOR = 'visitor'
/** The host that nodes ask for names of the internet. */
export const RESOLVER = 'resolver'
const INTERNET = { 'www.example.com': ['45.80.0.80'] }
const APPS = 'apps'
const NODES = ['cloud', 'edge-1', 'edge-2'] as const
const SERVER_ADDRESS = '10.244.1.11'

/**
 * A cloud node and two sites that use one and the same subnet for nodes, and one and the same for pods. `visitor` is
 * a host on the public segment that is no node of the cluster.
 */
export const TWO_SITES: Topology = {
  cloud: [
    {
      name: 'cloud',
      address: '45.80.0.10',
      podSubnet: '10.244.0.0/24',
      pods: [
        { name: 'cloud-client', namespace: APPS },
        { name: 'gamma', namespace: APPS, address: '10.244.0.11' },
      ],
    },
    { name: VISITOR, address: '45.80.0.66' },
    { name: RESOLVER, address: '45.80.0.53' },
  ],
  sites: [
    {
      name: 'site-a',
      nat: 'endpoint-independent',
      subnet: '192.168.1.0/24',
      nodes: [
        {
          name: 'edge-1',
          address: '192.168.1.10',
          podSubnet: '10.244.1.0/24',
          pods: [
            { name: 'client-1', namespace: APPS, address: '10.244.1.10' },
            { name: 'alpha', namespace: APPS, address: SERVER_ADDRESS },
          ],
        },
      ],
    },
    {
      name: 'site-b',
      nat: 'symmetric',
      subnet: '192.168.1.0/24',
      nodes: [
        {
          name: 'edge-2',
          address: '192.168.1.10',
          podSubnet: '10.244.1.0/24',
          pods: [
            { name: 'client-2', namespace: APPS, address: '10.244.1.10' },
            { name: 'beta', namespace: APPS, address: SERVER_ADDRESS },
          ],
        },
      ],
    },
  ],
}

export interface TwoSitesOptions
  extends Pick<MeshOptions, 'logLevel' | 'servers' | 'serverAddresses' | 'config' | 'prepare'> {
  /** More hosts on the public segment, without agents. */
  readonly hosts?: readonly NodeSpec[]
  /** More nodes of site-a. */
  readonly neighbours?: readonly NodeSpec[]
  /** More sites, with agents. */
  readonly sites?: readonly SiteSpec[]
  /** More hosts on the LAN of site-a, without agents. */
  readonly lanHosts?: readonly NodeSpec[]
}

/**
 * Starts the mesh of `TWO_SITES` with the four Services, and HTTP servers in the pods of three of them. Resolves once the
 * Services are in effect on every node. Who prepares the network itself starts the resolver, too.
 */
export async function startTwoSites(options: TwoSitesOptions = {}): Promise<Mesh> {
  const { hosts = [], neighbours = [], lanHosts = [], sites = [], ...others } = options
  const mesh = await Mesh.start({
    prepare: (lab) => startDnsUpstream(lab.node(RESOLVER), INTERNET),
    ...others,
    topology: extended({ hosts, neighbours: [...neighbours, ...lanHosts], sites }),
    bystanders: [VISITOR, RESOLVER, ...[...hosts, ...lanHosts].map(({ name }) => name)],
  })
  try {
    await mesh.kubectl.apply(namespaceObject(APPS), ...mesh.agents.map(({ host }) => nodeObject(host.name)))
    for (const service of [ALPHA, BETA, GAMMA, IDLE]) await mesh.kubectl.apply(serviceObject(service))
    await mesh.kubectl.apply(
      endpointSliceObject(ALPHA, POD_PORT, [{ ip: SERVER_ADDRESS, node: 'edge-1' }]),
      endpointSliceObject(BETA, POD_PORT, [{ ip: SERVER_ADDRESS, node: 'edge-2' }]),
      endpointSliceObject(GAMMA, POD_PORT, [{ ip: '10.244.0.11', node: 'cloud' }]),
    )
    const servers = ['alpha', 'beta', 'gamma'].map((pod) => mesh.lab.pod(pod))
    await Promise.all(servers.map((pod) => startHttpEcho(pod, { port: POD_PORT })))
    await Promise.all(NODES.map((node) => servicesInEffect(clientOf(mesh, node))))
    return mesh
  } catch (error) {
    await mesh[Symbol.asyncDispose]()
    throw error
  }
}

function extended(more: Required<Pick<TwoSitesOptions, 'hosts' | 'neighbours' | 'sites'>>): Topology {
  const { cloud = [], sites = [] } = TWO_SITES
  const [first, ...others] = sites
  const firstExtended = first === undefined ? [] : [{ ...first, nodes: [...first.nodes, ...more.neighbours] }]
  return { cloud: [...cloud, ...more.hosts], sites: [...firstExtended, ...others, ...more.sites] }
}

async function servicesInEffect(client: LabPod): Promise<void> {
  for (const name of ['alpha', 'beta', 'gamma'])
    await callUntil(client, `http://${name}.apps/`, ({ kind }) => kind === 'answer')
  await callUntil(client, 'http://idle.apps/', ({ kind }) => kind === 'refused')
}

/** The pod in which calls of a node's side start. */
export function clientOf(mesh: Mesh, node: (typeof NODES)[number]): LabPod {
  return mesh.lab.pod({ cloud: 'cloud-client', 'edge-1': 'client-1', 'edge-2': 'client-2' }[node])
}
