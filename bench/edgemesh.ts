/**
 * EdgeMesh 1.17 (with its relay bug fixed) and its peers, measured once on a machine of this kind; EdgeMesh itself is not
 * run here. What counts are ratios: its figure in a run is its ratio to haproxy below, times haproxy in that run.
 */
type Figures = Readonly<Record<string, number>>

const SAME_NODE: { readonly edgemesh: Figures; readonly haproxy: Figures } = {
  edgemesh: {
    'bulk 1 flow': 10_601,
    'bulk 8 flows': 6_612,
    'HTTP keep-alive': 35_384,
    'new connections': 6_011,
    'first byte p50': 269,
    'first byte p99': 456,
    'echo p50': 128,
    'bulk CPU s/GB': 0.6,
  },
  haproxy: {
    'bulk 1 flow': 5_726,
    'bulk 8 flows': 5_276,
    'HTTP keep-alive': 47_417,
    'new connections': 6_957,
    'first byte p50': 240,
    'first byte p99': 404,
    'echo p50': 95,
    'bulk CPU s/GB': 1.6,
  },
}

const RELAYED: typeof SAME_NODE = {
  edgemesh: {
    'bulk 1 flow': 416,
    'bulk 8 flows': 357,
    'HTTP keep-alive': 8_522,
    'new connections': 592,
    'first byte p50': 1_937,
    'first byte p99': 6_508,
    'echo p50': 504,
    'bulk CPU s/GB': 41,
  },
  haproxy: {
    'bulk 1 flow': 5_010,
    'bulk 8 flows': 4_947,
    'HTTP keep-alive': 27_479,
    'new connections': 4_531,
    'first byte p50': 355,
    'first byte p99': 796,
    'echo p50': 142,
    'bulk CPU s/GB': 2.2,
  },
}

/** With a round trip of 50 ms on one leg. */
const RELAYED_50_MS: typeof SAME_NODE = {
  edgemesh: { 'new connections': 18.5, 'bulk 1 flow': 37 },
  haproxy: { 'new connections': 310, 'bulk 1 flow': 438 },
}

/** Cluster names a second that its CoreDNS answered by UDP, on such a machine; without a peer in the same run. */
export const EDGEMESH_DNS_QUERIES = 33_200

const SCENES = { 'same-node': SAME_NODE, relayed: RELAYED, 'relayed, 50 ms': RELAYED_50_MS } as const

export type EdgeMeshScene = keyof typeof SCENES

/** What EdgeMesh would reach where haproxy reaches that much; `undefined` where it was not measured. */
export function edgeMeshFigure(scene: EdgeMeshScene, metric: string, haproxyNow: number): number | undefined {
  const { edgemesh, haproxy } = SCENES[scene]
  const [its, reference] = [edgemesh[metric], haproxy[metric]]
  return its === undefined || reference === undefined ? undefined : (its / reference) * haproxyNow
}
