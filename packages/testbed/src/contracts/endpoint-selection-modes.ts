import { formatServicePortName, type ServicePort } from '@edgeway/core'
import { nodeOf } from '../builders.ts'
import { FAR, NO_NODE, OWN, pod, type SelectionCase } from './endpoint-selection-world.ts'

/** The own node and one with it on a network, and one on another. */
const NETWORKS = [
  nodeOf('own', { routedNetwork: 'factory' }),
  nodeOf('neighbour', { routedNetwork: 'factory' }),
  nodeOf('elsewhere', { routedNetwork: 'office' }),
  nodeOf('far'),
]
const NEIGHBOUR = pod('neighbour', '10.1.0.2')
const ELSEWHERE = pod('elsewhere', '10.1.0.3')
const UDP: Partial<ServicePort> = { protocol: 'UDP' }
const ANYWHERE = { 'edgeway.io/topology': 'any' }

const REACH_CASES: readonly SelectionCase[] = [
  {
    title: 'leaves endpoints of the own node to the kernel',
    endpoints: [OWN],
    expected: [OWN],
    mode: 'KERNEL',
  },
  {
    title: 'leaves endpoints of nodes on the same routed network to the kernel',
    service: { annotations: ANYWHERE },
    nodes: NETWORKS,
    endpoints: [OWN, NEIGHBOUR],
    expected: [OWN, NEIGHBOUR],
    mode: 'KERNEL',
  },
  {
    title: 'leaves endpoints without a node to the kernel',
    endpoints: [NO_NODE],
    expected: [NO_NODE],
    mode: 'KERNEL',
  },
  ...[FAR, ELSEWHERE].map(
    (behindTunnel): SelectionCase => ({
      title: `forwards by the agent when one chosen endpoint, on ${behindTunnel.node}, is reached by the tunnel only`,
      service: { annotations: ANYWHERE },
      nodes: NETWORKS,
      endpoints: [OWN, NEIGHBOUR, behindTunnel],
      expected: [OWN, NEIGHBOUR, behindTunnel],
      mode: 'AGENT',
    }),
  ),
  {
    title: 'leaves it to the kernel when only endpoints that are not chosen are behind the tunnel',
    nodes: NETWORKS,
    endpoints: [FAR, OWN],
    expected: [OWN],
    mode: 'KERNEL',
  },
  {
    title: 'takes nodes without a routed network for connected by the tunnel only',
    nodes: [nodeOf('own'), nodeOf('far')],
    endpoints: [FAR],
    expected: [FAR],
    mode: 'AGENT',
  },
  {
    title: 'goes by nodes, not by addresses: the own pod has the same one',
    service: { internalTrafficPolicy: 'Cluster', annotations: ANYWHERE },
    endpoints: [OWN, pod('far', OWN.ip)],
    expected: [OWN, pod('far', OWN.ip)],
    mode: 'AGENT',
  },
  { title: 'refuses what nothing can serve', endpoints: [], expected: [], mode: 'REJECT' },
]

const UDP_CASES: readonly SelectionCase[] = [
  {
    title: 'leaves UDP to the kernel where that reaches all',
    port: UDP,
    endpoints: [{ ...OWN, protocol: 'UDP' }],
    expected: [{ ...OWN, protocol: 'UDP' }],
    mode: 'KERNEL',
  },
  {
    title: 'forwards UDP by the agent when an endpoint is behind the tunnel',
    port: UDP,
    endpoints: [{ ...FAR, protocol: 'UDP' }],
    expected: [{ ...FAR, protocol: 'UDP' }],
    mode: 'AGENT',
  },
  { title: 'refuses UDP that nothing can serve', port: UDP, endpoints: [], expected: [], mode: 'REJECT' },
]

/** What a ServicePort is named, and whether the mesh leaves it alone. */
const API_SERVER_CASES: readonly SelectionCase[] = [
  ...['https', 'http', '', 'anything'].map(
    (portName): SelectionCase => ({
      title: `leaves the API server's port "${portName}" alone`,
      ...apiServer('default', 'kubernetes', portName),
      mode: undefined,
    }),
  ),
  {
    title: 'intercepts the API server where that is wished',
    ...apiServer('default', 'kubernetes', 'https'),
    service: {
      namespace: 'default',
      name: 'kubernetes',
      annotations: { 'edgeway.io/intercept': 'true' },
    },
    mode: 'KERNEL',
  },
  ...['default/kubernetes-dashboard', 'shop/kubernetes'].map((key): SelectionCase => {
    const [namespace = '', name = ''] = key.split('/')
    return {
      title: `does not take ${key} for the API server`,
      ...apiServer(namespace, name, ''),
      mode: 'KERNEL',
    }
  }),
]

const OTHER_PROXY_CASES: readonly SelectionCase[] = [[OWN], []].flatMap((endpoints) =>
  ['false', 'true'].map(
    (intercept): SelectionCase => ({
      title: `leaves what another proxy serves alone, with intercept ${intercept} and ${endpoints.length} endpoints`,
      service: { annotations: { 'edgeway.io/intercept': intercept } },
      port: { proxied: false },
      endpoints,
      expected: endpoints,
      mode: undefined,
    }),
  ),
)

const ANSWERED_HERE_CASES: readonly SelectionCase[] = [
  ...[[OWN], [FAR], []].map(
    (endpoints): SelectionCase => ({
      title: `lets the node answer what its agent listens for, endpoints ${endpoints.map(({ node }) => node)} or not`,
      answeredHere: true,
      endpoints,
      expected: endpoints,
      mode: 'NODE',
    }),
  ),
  {
    title: 'lets the node answer though connections are to go through the agent',
    answeredHere: true,
    service: { annotations: { 'edgeway.io/forwarding': 'agent' } },
    endpoints: [OWN],
    expected: [OWN],
    mode: 'NODE',
  },
  {
    title: 'leaves what the node could answer alone where that is wished',
    answeredHere: true,
    service: { annotations: { 'edgeway.io/intercept': 'false' } },
    endpoints: [OWN],
    expected: [OWN],
    mode: undefined,
  },
  {
    title: 'leaves what the node could answer alone where another proxy serves it',
    answeredHere: true,
    port: { proxied: false },
    endpoints: [OWN],
    expected: [OWN],
    mode: undefined,
  },
]

/** How connections are treated. */
export const MODE_CASES: readonly SelectionCase[] = [
  ...REACH_CASES,
  ...UDP_CASES,
  ...API_SERVER_CASES,
  ...OTHER_PROXY_CASES,
  ...ANSWERED_HERE_CASES,
]

function apiServer(
  namespace: string,
  name: string,
  portName: string,
): Pick<SelectionCase, 'service' | 'port' | 'endpoints' | 'expected'> {
  return {
    service: { namespace, name },
    port: { name: formatServicePortName(namespace, name, portName) },
    endpoints: [OWN],
    expected: [OWN],
  }
}
