/** What edgeway is to reach: every target in one place. A bench's figures are judged by those that name them. */
export interface Target {
  /** One of P1 to P15; several share it where it has several parts. */
  readonly id: string
  /** What it is about, for people. */
  readonly text: string
  readonly bench: string
  readonly case: string
  readonly metric: string
  /** What ours is compared with; `absolute`: the figure itself counts. */
  readonly reference: string
  /** Of the ratio ours / reference, or of the figure itself. */
  readonly atLeast?: number
  readonly atMost?: number
  /** Why nothing measures it yet. */
  readonly open?: string
}

/** Where a group of targets is measured. */
type Place = Pick<Target, 'id' | 'text' | 'bench' | 'case' | 'open'>
type Goal = Pick<Target, 'metric' | 'reference' | 'atLeast' | 'atMost'>

const NO_LAN = 'no case yet for a Service on the LAN'
const NO_CASE = 'no case yet'
const NO_RESUMPTION = 'no flow outlives its path yet'
const ROUND_TRIPS_MS = [0, 50]
const ONE_THOUSAND = 'tunnel server, 1000 agents'
const KILLED = 'the relay in use is killed'

const NEW_CONNECTIONS = 'new connections'

export const TARGETS: readonly Target[] = [
  ...targets(
    { id: 'P1', text: 'same node, KERNEL path', bench: 'proxier', case: 'kernel' },
    { metric: 'bulk 1 flow', reference: 'kernel DNAT', atLeast: 0.95 },
    { metric: NEW_CONNECTIONS, reference: 'kernel DNAT', atLeast: 0.95 },
    { metric: 'bytes in userspace', reference: 'absolute', atMost: 0 },
  ),
  ...targets(
    { id: 'P2', text: 'same node, AGENT path', bench: 'traffic', case: 'agent' },
    { metric: 'bulk CPU s/GB', reference: 'haproxy', atMost: 1 },
    { metric: 'bulk 8 flows CPU s/GB', reference: 'haproxy', atMost: 1 },
    { metric: 'bulk 1 flow', reference: 'haproxy', atLeast: 1 },
    { metric: 'bulk 8 flows', reference: 'haproxy', atLeast: 1 },
  ),
  ...targets(
    { id: 'P3', text: 'LAN direct, encrypted, two agents', bench: 'paths', case: 'one LAN' },
    { metric: 'bulk 1 flow', reference: 'direct', atLeast: 0.5 },
    { metric: 'bulk 1 flow', reference: 'EdgeMesh', atLeast: 1.5 },
    { metric: 'bulk CPU s/GB', reference: 'EdgeMesh', atMost: 0.5 },
  ),
  ...targets(
    { id: 'P3', text: 'two sites, punched, two agents', bench: 'paths', case: 'two sites, punched' },
    { metric: 'bulk 1 flow', reference: 'direct', atLeast: 0.5 },
  ),
  ...targets(
    { id: 'P4', text: 'LAN direct, 32 connections', bench: 'paths', case: 'one LAN' },
    { metric: 'HTTP keep-alive', reference: 'EdgeMesh', atLeast: 1 },
    { metric: NEW_CONNECTIONS, reference: 'EdgeMesh', atLeast: 2 },
    { metric: 'echo p50', reference: 'EdgeMesh', atMost: 1 },
  ),
  ...targets(
    { id: 'P5', text: 'relayed, bulk', bench: 'relayed', case: 'two sites' },
    { metric: 'bulk 1 flow', reference: 'EdgeMesh', atLeast: 4 },
    { metric: 'bulk 1 flow', reference: 'haproxy', atLeast: 0.3 },
    { metric: 'bulk CPU s/GB', reference: 'EdgeMesh', atMost: 0.2 },
  ),
  ...targets(
    { id: 'P6', text: 'relayed, first byte', bench: 'relayed', case: 'two sites' },
    { metric: 'first byte p50', reference: 'EdgeMesh', atMost: 1 },
  ),
  ...targets(
    { id: 'P6', text: 'relayed, 32 clients', bench: 'connections', case: 'relayed' },
    { metric: NEW_CONNECTIONS, reference: 'EdgeMesh', atLeast: 3 },
  ),
  ...targets(
    { id: 'P6', text: 'relayed, 32 clients, far', bench: 'connections', case: 'relayed, 50 ms' },
    { metric: NEW_CONNECTIONS, reference: 'EdgeMesh', atLeast: 10 },
  ),
  ...targets(
    { id: 'P7', text: 'L7 HTTP/1.1 same node', bench: 'http', case: 'same node' },
    { metric: 'CPU us/request', reference: 'haproxy', atMost: 1.3 },
  ),
  ...targets(
    { id: 'P8', text: 'DNS, cluster names by UDP', bench: 'dns', case: 'cluster names' },
    { metric: 'queries', reference: 'absolute', atLeast: 33_000 },
    { metric: 'queries', reference: 'unbound', atLeast: 0.5 },
    { metric: 'p99 ms at half load', reference: 'absolute', atMost: 2 },
  ),
  ...['nftables', 'iptables'].flatMap((backend) =>
    targets(
      {
        id: 'P9',
        text: `rules of 10,000 ServicePorts with 3 Endpoints, ${backend}`,
        bench: 'proxier',
        case: backend,
      },
      { metric: 'full load ms', reference: 'absolute', atMost: 1_000 },
      { metric: 'one change ms', reference: 'absolute', atMost: 20 },
      { metric: 'in effect ms', reference: 'absolute', atMost: 200 },
    ),
  ),
  ...[
    { count: 15, atMost: 72 },
    { count: 1_000, atMost: 80 },
    { count: 10_000, atMost: 140 },
  ].flatMap(({ count, atMost }) =>
    targets(
      { id: 'P10', text: 'memory at rest', bench: 'footprint', case: `agent, ${count} Services` },
      { metric: 'RSS', reference: 'absolute', atMost },
    ),
  ),
  ...targets(
    { id: 'P10', text: 'memory at rest', bench: 'relays', case: ONE_THOUSAND },
    { metric: 'RSS', reference: 'absolute', atMost: 512 },
  ),
  ...targets(
    { id: 'P11', text: 'offline cold start, 1,000 Services', bench: 'start', case: 'everything else dead' },
    { metric: 'DNS answers', reference: 'absolute', atMost: 3 },
    { metric: 'local Service answers', reference: 'absolute', atMost: 3 },
  ),
  ...targets(
    {
      id: 'P11',
      text: 'offline cold start, 1,000 Services',
      bench: 'start',
      case: 'everything else dead',
      open: NO_LAN,
    },
    { metric: 'LAN Service answers', reference: 'absolute', atMost: 3 },
  ),
  ...targets(
    {
      id: 'P11',
      text: 'offline cold start, 1,000 Services, metadata alone',
      bench: 'metadata',
      case: 'cold-start-offline',
    },
    { metric: 'loaded', reference: 'absolute', atMost: 3 },
    { metric: 'dead endpoint out of selection', reference: 'absolute', atMost: 3 },
  ),
  ...targets(
    { id: 'P12', text: 'the used relay is killed', bench: 'relays', case: KILLED },
    { metric: 'new flows after s', reference: 'absolute', atMost: 2 },
    { metric: 'used again after s', reference: 'absolute', atMost: 5 },
  ),
  ...targets(
    { id: 'P12', text: 'the used relay is killed', bench: 'relays', case: KILLED, open: NO_RESUMPTION },
    { metric: 'bytes lost', reference: 'absolute', atMost: 0 },
    { metric: 'resets', reference: 'absolute', atMost: 0 },
    { metric: 'stall p99 s', reference: 'absolute', atMost: 1 },
  ),
  ...targets(
    {
      id: 'P12',
      text: 'the link of the used relay is cut',
      bench: 'relays',
      case: "the relay's link is cut",
    },
    { metric: 'new flows after s', reference: 'absolute', atMost: 2 },
  ),
  ...['lan path cut silently', 'punched path cut silently'].flatMap((cut) =>
    ROUND_TRIPS_MS.flatMap((ms) =>
      targets(
        { id: 'P12', text: 'dead peers are found within 2 s', bench: 'paths', case: `${cut}, ${ms} ms` },
        { metric: 'noticed after s', reference: 'absolute', atMost: 2 },
        { metric: 'longest time without an answer s', reference: 'absolute', atMost: 2 },
      ),
    ),
  ),
  ...['another address, lan path', 'another address, punched path'].flatMap((change) =>
    ROUND_TRIPS_MS.flatMap((ms) =>
      targets(
        { id: 'P12', text: 'a node gets another address', bench: 'paths', case: `${change}, ${ms} ms` },
        { metric: 'longest time without an answer s', reference: 'absolute', atMost: 2 },
      ),
    ),
  ),
  ...ROUND_TRIPS_MS.flatMap((ms) =>
    targets(
      {
        id: 'P12',
        text: 'all relays are dead, a punched path carries on',
        bench: 'paths',
        case: `relays killed beside a punched path, ${ms} ms`,
      },
      { metric: 'failed connections', reference: 'absolute', atMost: 0 },
    ),
  ),
  ...['restart storm', 'restart storm, registry lost'].flatMap((storm) =>
    targets(
      {
        id: 'P12',
        text: 'a tunnel server with 1,000 agents is killed and comes back',
        bench: 'relays',
        case: storm,
      },
      { metric: 'all joined after', reference: 'absolute', atMost: 30 },
    ),
  ),
  ...targets(
    {
      id: 'P12',
      text: 'dead peers are found within 2 s, cheaply',
      bench: 'relays',
      case: 'agent, two servers',
    },
    { metric: 'idle MB/h', reference: 'absolute', atMost: 2 },
  ),
  ...targets(
    {
      id: 'P12',
      text: 'dead peers are found within 2 s, cheaply',
      bench: 'paths',
      case: 'agent, neighbour, punched peer, two servers',
    },
    { metric: 'idle MB/h', reference: 'absolute', atMost: 2 },
  ),
  ...targets(
    { id: 'P13', text: 'first byte across two NATs', bench: 'paths', case: 'two NATs' },
    { metric: 'peer connected, ms beyond 2.5 round trips', reference: 'absolute', atMost: 20 },
    { metric: 'peer not yet connected, ms beyond 7 round trips', reference: 'absolute', atMost: 50 },
  ),
  ...['lan', 'punched'].flatMap((path) =>
    ROUND_TRIPS_MS.flatMap((ms) =>
      targets(
        {
          id: 'P13',
          text: 'better path up after the first call, flow unaware',
          bench: 'paths',
          case: `better path comes up: ${path}, ${ms} ms`,
        },
        { metric: 'better path up after s', reference: 'absolute', atMost: 3 },
        { metric: 'open flows lost', reference: 'absolute', atMost: 0 },
      ),
    ),
  ),
  ...targets(
    {
      id: 'P14',
      text: 'hole punching through endpoint-independent NATs',
      bench: 'paths',
      case: 'dropping and rejecting routers, 20 to 200 ms',
    },
    { metric: 'share within 3 tries', reference: 'absolute', atLeast: 0.95 },
  ),
  ...targets(
    { id: 'P15', text: '24 h scaled to 30 min', bench: 'soak', case: 'mixed load', open: NO_CASE },
    { metric: 'growth beyond warm-up', reference: 'absolute', atMost: 0 },
  ),
]

function targets(place: Place, ...goals: readonly Goal[]): Target[] {
  return goals.map((goal) => ({ ...place, ...goal }))
}
