import {
  type ConnectionPool,
  type DestinationPolicy,
  NO_CONNECTION_POOL,
  type OutlierDetection,
} from '@edgeway/core'
import { OWN, type SelectionCase } from './endpoint-selection-world.ts'

type Wish = readonly [title: string, wish: Pick<SelectionCase, 'service' | 'port' | 'mode'>]

function annotated(name: string, value: string): Pick<SelectionCase, 'service'> {
  return { service: { annotations: { [`edgeway.io/${name}`]: value } } }
}

function destined(policy: Partial<DestinationPolicy>): Pick<SelectionCase, 'service'> {
  const none = { balancing: undefined, connectionPool: NO_CONNECTION_POOL, outlierDetection: undefined }
  return { service: { destinationPolicy: { ...none, ...policy } } }
}

const ANNOTATIONS: readonly Wish[] = [
  ['forwards by the agent what asks for it', { ...annotated('forwarding', 'agent'), mode: 'AGENT' }],
  ['leaves to the kernel what may choose', { ...annotated('forwarding', 'auto'), mode: 'KERNEL' }],
  [
    'forwards by the agent what begins with a header of the PROXY protocol',
    { ...annotated('proxy-protocol', 'v2'), mode: 'AGENT' },
  ],
  [
    'leaves to the kernel what asks for a PROXY protocol that there is not',
    { ...annotated('proxy-protocol', 'v1'), mode: 'KERNEL' },
  ],
  ...(['tcp', 'off'] as const).map(
    (value): Wish => [
      `leaves to the kernel what is checked by ${value}`,
      { ...annotated('health-check', value), mode: 'KERNEL' },
    ],
  ),
  ['leaves to the kernel what has weights', { ...annotated('weights', 'own=3, far=1'), mode: 'KERNEL' }],
  [
    'leaves alone what does not want to be intercepted',
    { ...annotated('intercept', 'false'), mode: undefined },
  ],
  ['treats what wants to be intercepted like others', { ...annotated('intercept', 'true'), mode: 'KERNEL' }],
]

const IN_KERNEL = ['random', 'source-ip-hash'] as const
const BY_AGENT = ['round-robin', 'least-connections'] as const

const BALANCINGS: readonly Wish[] = [
  ...[...BY_AGENT, 'peak-ewma'].map(
    (wish): Wish => [
      `forwards by the agent what asks to be balanced by ${wish}`,
      { ...annotated('balancing', wish), mode: 'AGENT' },
    ],
  ),
  ...[...IN_KERNEL, 'nonsense'].map(
    (wish): Wish => [
      `leaves to the kernel what asks to be balanced by ${wish}`,
      { ...annotated('balancing', wish), mode: 'KERNEL' },
    ],
  ),
  ...BY_AGENT.map(
    (balancing): Wish => [
      `forwards by the agent what is to be balanced by ${balancing} as its destination's policy says`,
      { ...destined({ balancing: { kind: balancing } }), mode: 'AGENT' },
    ],
  ),
  ...IN_KERNEL.map(
    (balancing): Wish => [
      `leaves to the kernel what is to be balanced by ${balancing} as its destination's policy says`,
      { ...destined({ balancing: { kind: balancing } }), mode: 'KERNEL' },
    ],
  ),
  [
    'goes by the balancing annotation before the policy of the destination',
    {
      service: {
        ...destined({ balancing: { kind: 'round-robin' } }).service,
        ...annotated('balancing', 'random').service,
      },
      mode: 'KERNEL',
    },
  ],
  [
    'goes by the policy of the destination where it does not know the balancing annotation',
    {
      service: {
        ...destined({ balancing: { kind: 'round-robin' } }).service,
        ...annotated('balancing', 'nonsense').service,
      },
      mode: 'AGENT',
    },
  ],
  ['leaves session affinity to the kernel', { service: { clientIpAffinitySeconds: 60 }, mode: 'KERNEL' }],
  [
    'leaves session affinity to the kernel whatever else is said of balancing',
    {
      service: {
        ...destined({ balancing: { kind: 'least-connections' } }).service,
        ...annotated('balancing', 'round-robin').service,
        clientIpAffinitySeconds: 60,
      },
      mode: 'KERNEL',
    },
  ],
]

const POOLS: readonly Partial<ConnectionPool>[] = [
  { maxConnections: 1 },
  { connectTimeoutMs: 1 },
  { idleTimeoutMs: 1 },
  { maxConnectionDurationMs: 1 },
  { keepAlive: { probes: undefined, timeMs: undefined, intervalMs: undefined } },
]
const DETECTION: OutlierDetection = {
  consecutiveFailures: undefined,
  baseEjectionMs: undefined,
  maxEjectionPercent: undefined,
  consecutive5xx: undefined,
  consecutiveGatewayErrors: undefined,
}
const UDP = { port: { protocol: 'UDP' } } as const

/** What the kernel knows nothing of. */
const CONNECTION_CARE: readonly (readonly [name: string, policy: Partial<DestinationPolicy>])[] = [
  ...POOLS.map(
    (pool) => [Object.keys(pool).join(), { connectionPool: { ...NO_CONNECTION_POOL, ...pool } }] as const,
  ),
  ['outlierDetection', { outlierDetection: DETECTION }],
]

const DESTINATION_POLICIES: readonly Wish[] = [
  ['leaves to the kernel what has a policy without a wish', { ...destined({}), mode: 'KERNEL' }],
  ...CONNECTION_CARE.flatMap(([name, policy]): Wish[] => [
    [`forwards by the agent what has ${name}`, { ...destined(policy), mode: 'AGENT' }],
    [`leaves UDP to the kernel that has ${name}`, { ...destined(policy), ...UDP, mode: 'KERNEL' }],
  ]),
  [
    'leaves UDP to the kernel whatever PROXY protocol it asks for',
    { ...annotated('proxy-protocol', 'v2'), ...UDP, mode: 'KERNEL' },
  ],
  [
    'forwards UDP by the agent that asks to be balanced by least-connections',
    { ...annotated('balancing', 'least-connections'), ...UDP, mode: 'AGENT' },
  ],
  [
    'forwards UDP by the agent that asks for it',
    { ...annotated('forwarding', 'agent'), ...UDP, mode: 'AGENT' },
  ],
]

/** What a Service asks for, where the kernel could reach its only endpoint. */
export const WISH_CASES: readonly SelectionCase[] = [
  ...ANNOTATIONS,
  ...BALANCINGS,
  ...DESTINATION_POLICIES,
].map(([title, wish]) => {
  const endpoint = { ...OWN, protocol: wish.port?.protocol ?? OWN.protocol }
  return { title, endpoints: [endpoint], expected: [endpoint], ...wish }
})
