/** What edgeway is to reach: every target in one place. A case reports its figures against those that name it. */
export interface Target {
  /** Of `TARGETS.md` of the design. */
  readonly id: string
  readonly bench: string
  readonly case: string
  readonly metric: string
  /** What ours is compared with; `absolute`: the figure itself. */
  readonly reference: string
  /** Of the ratio ours / reference, or of the figure itself. */
  readonly atLeast?: number
  readonly atMost?: number
}

const SAME_NODE = { bench: 'same-node', case: 'agent' } as const
const RELAYED = { bench: 'relayed', case: 'two sites' } as const

export const TARGETS: readonly Target[] = [
  { id: 'P2', ...SAME_NODE, metric: 'bulk CPU s/GB', reference: 'haproxy', atMost: 1 },
  { id: 'P2', ...SAME_NODE, metric: 'bulk 1 flow', reference: 'haproxy', atLeast: 1 },
  { id: 'P5', ...RELAYED, metric: 'bulk 1 flow', reference: 'EdgeMesh', atLeast: 4 },
  { id: 'P5', ...RELAYED, metric: 'bulk 1 flow', reference: 'haproxy', atLeast: 0.3 },
  { id: 'P5', ...RELAYED, metric: 'bulk CPU s/GB', reference: 'EdgeMesh', atMost: 0.2 },
  { id: 'P6', ...RELAYED, metric: 'first byte p50', reference: 'EdgeMesh', atMost: 1 },
  {
    id: 'P6',
    bench: 'connections',
    case: 'relayed',
    metric: 'new connections',
    reference: 'EdgeMesh',
    atLeast: 3,
  },
  {
    id: 'P6',
    bench: 'connections',
    case: 'relayed, 50 ms',
    metric: 'new connections',
    reference: 'EdgeMesh',
    atLeast: 10,
  },
  {
    id: 'P10',
    bench: 'footprint',
    case: 'agent, 15 Services',
    metric: 'RSS',
    reference: 'absolute',
    atMost: 72,
  },
  {
    id: 'P10',
    bench: 'footprint',
    case: 'agent, 1000 Services',
    metric: 'RSS',
    reference: 'absolute',
    atMost: 80,
  },
  {
    id: 'P10',
    bench: 'footprint',
    case: 'agent, 10000 Services',
    metric: 'RSS',
    reference: 'absolute',
    atMost: 140,
  },
  {
    id: 'P11',
    bench: 'start',
    case: 'everything else dead',
    metric: 'DNS answers',
    reference: 'absolute',
    atMost: 3,
  },
  {
    id: 'P11',
    bench: 'start',
    case: 'everything else dead',
    metric: 'local Service answers',
    reference: 'absolute',
    atMost: 3,
  },
]

/** Targets that nothing measures yet, and what they wait for. */
export const TARGETS_WITHOUT_CASE: readonly { readonly id: string; readonly reason: string }[] = [
  { id: 'P1', reason: 'there is no KERNEL mode yet' },
  { id: 'P3', reason: 'there is no direct path between nodes of a LAN yet' },
  { id: 'P4', reason: 'there is no direct path between nodes of a LAN yet' },
  { id: 'P7', reason: 'there is no HTTP at L7 yet' },
  { id: 'P8', reason: 'no case for DNS yet' },
  { id: 'P9', reason: 'no case for the rules yet' },
  { id: 'P12', reason: 'there is one tunnel server only, and no flow outlives its path yet' },
  { id: 'P13', reason: 'no case for the first byte by round trips yet' },
  { id: 'P14', reason: 'there is no hole punching yet' },
  { id: 'P15', reason: 'no soak yet' },
]
