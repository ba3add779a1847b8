/**
 * EdgeMesh 1.17 (with its relay bug fixed) and its peers, measured once on a machine of this kind; EdgeMesh itself is not
 * run here. What counts are ratios: its figure in a run is its ratio to a reference below, times that reference in that run.
 */
type Figures = Readonly<Record<string, number>>

/** EdgeMesh beside the reference that its figures are told by, by the reference's name. */
type MeasuredScene = { readonly edgemesh: Figures } & Readonly<Record<string, Figures>>

const SAME_NODE: MeasuredScene = {
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

const RELAYED: MeasuredScene = {
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
const RELAYED_50_MS: MeasuredScene = {
  edgemesh: { 'new connections': 18.5, 'bulk 1 flow': 37 },
  haproxy: { 'new connections': 310, 'bulk 1 flow': 438 },
}

/**
 * Two nodes of one LAN. There was no haproxy; its CPU time is that of the same node, where it does the same work for a
 * byte.
 */
const LAN: MeasuredScene = {
  edgemesh: {
    'bulk 1 flow': 1_980,
    'bulk 8 flows': 1_787,
    'HTTP keep-alive': 16_308,
    'new connections': 1_174,
    'first byte p50': 958,
    'first byte p99': 4_486,
    'echo p50': 325,
    'bulk CPU s/GB': 8,
  },
  'kernel DNAT': {
    'bulk 1 flow': 10_264,
    'bulk 8 flows': 10_862,
    'HTTP keep-alive': 65_779,
    'new connections': 8_581,
    'first byte p50': 189,
    'first byte p99': 458,
    'echo p50': 83,
  },
  haproxy: { 'bulk CPU s/GB': 1.6 },
}

/** Cluster names a second that its CoreDNS answered by UDP, on such a machine; without a peer in the same run. */
export const EDGEMESH_DNS_QUERIES = 33_200

const SCENES = {
  'same-node': SAME_NODE,
  lan: LAN,
  relayed: RELAYED,
  'relayed, 50 ms': RELAYED_50_MS,
} as const

export type EdgeMeshScene = keyof typeof SCENES

/** A reference's figure in this run. */
export interface ReferenceNow {
  readonly name: string
  readonly value: number
}

/** What EdgeMesh would reach where a reference reaches that much; `undefined` where they were not measured together. */
export function edgeMeshFigure(
  scene: EdgeMeshScene,
  metric: string,
  { name, value }: ReferenceNow,
): number | undefined {
  const measured: MeasuredScene = SCENES[scene]
  const [its, reference] = [measured.edgemesh[metric], measured[name]?.[metric]]
  return its === undefined || reference === undefined ? undefined : (its / reference) * value
}
