import {
  type DestinationPolicy,
  type Endpoint,
  formatServicePortName,
  type HttpConnectionPool,
  NO_CONNECTION_POOL,
  NO_HTTP_POOL,
} from '@edgeway/core'
import { OWN, pod, type SelectionCase } from './endpoint-selection-world.ts'

type Wish = Omit<SelectionCase, 'endpoints' | 'expected'>

const OTHER = pod('own', '10.1.0.2')
const GRPC = { name: formatServicePortName('shop', 'web', 'grpc') }
/** What only who reads requests can do. */
const REQUEST_WISHES: readonly (readonly [name: string, value: string])[] = [
  ['forwarding', 'l7'],
  ['hash-header', 'x-user'],
  ['hash-cookie', 'stick; Path=/'],
  ['retries', '2'],
  ['request-timeout', '10s'],
  ['per-try-timeout', '2s'],
  ['max-error-percent', '50'],
  ['forwarded-headers', 'forwarded'],
]

const ANNOTATED: readonly Wish[] = REQUEST_WISHES.flatMap(([name, value]): Wish[] => [
  {
    title: `forwards by the agent the requests of what has ${name} ${value}`,
    ...annotated({ [name]: value }),
    mode: 'AGENT',
  },
  {
    title: `forwards by the agent the requests of what has ${name} ${value}, where HTTP is declared`,
    ...annotated({ [name]: value }),
    port: { appProtocol: 'http' },
    mode: 'AGENT',
  },
])

/** The kernel can do what is left of these. */
const WITHOUT_REQUESTS: readonly Wish[] = REQUEST_WISHES.filter(([name]) => !name.startsWith('hash')).flatMap(
  ([name, value]): Wish[] => [
    ...['tcp', 'https', 'example.com/own'].map((appProtocol) => ({
      title: `leaves to the kernel what has ${name} ${value}, where ${appProtocol} is spoken`,
      ...annotated({ [name]: value }),
      port: { appProtocol },
      mode: 'KERNEL' as const,
    })),
    {
      title: `leaves UDP to the kernel that has ${name} ${value}`,
      ...annotated({ [name]: value }),
      port: { protocol: 'UDP' },
      mode: 'KERNEL',
    },
    {
      title: `leaves to the kernel what has forwarding l4 besides ${name} ${value}`,
      ...annotated({ [name]: value, forwarding: 'l4' }),
      mode: 'KERNEL',
    },
  ],
)

const DESTINED: readonly Wish[] = [
  {
    title: 'forwards by the agent what is to be balanced by a header as the policy of its destination says',
    ...destined({ balancing: { kind: 'header-hash', header: 'x-user' } }),
    mode: 'AGENT',
  },
  {
    title: 'forwards by the agent what has a limit of requests',
    ...pooled({ maxRequests: 100 }),
    mode: 'AGENT',
  },
  {
    title: 'leaves TLS to the kernel that has a limit of requests',
    ...pooled({ maxRequests: 100 }),
    port: { appProtocol: 'https' },
    mode: 'KERNEL',
  },
  { title: 'leaves to the kernel what has limits of requests without any', ...pooled({}), mode: 'KERNEL' },
  {
    title: 'forwards by the agent what is to be balanced by the name of a TLS server',
    ...annotated({ balancing: 'server-name-hash' }),
    port: { appProtocol: 'https' },
    mode: 'AGENT',
  },
]

const DECLARED: readonly SelectionCase[] = [
  among([OWN, OTHER], {
    title: 'forwards by the agent gRPC with endpoints to choose among',
    port: GRPC,
    mode: 'AGENT',
  }),
  among([OWN], { title: 'leaves gRPC with one endpoint to the kernel', port: GRPC, mode: 'KERNEL' }),
  among([OWN, OTHER], {
    title: 'forwards by the agent HTTP/2 with endpoints to choose among',
    port: { appProtocol: 'kubernetes.io/h2c' },
    mode: 'AGENT',
  }),
  among([OWN, OTHER], {
    title: 'leaves gRPC to the kernel where connections are to be balanced',
    port: GRPC,
    ...annotated({ forwarding: 'l4' }),
    mode: 'KERNEL',
  }),
  among([OWN, OTHER], {
    title: 'leaves HTTP to the kernel that only says so',
    port: { appProtocol: 'http' },
    mode: 'KERNEL',
  }),
  among([OWN, OTHER], {
    title: 'forwards by the agent what is said to be gRPC by annotation',
    ...annotated({ protocol: 'grpc' }),
    mode: 'AGENT',
  }),
]

/** Whether connections are balanced, or the requests within them: the kernel can do the former only. */
export const LAYER_CASES: readonly SelectionCase[] = [
  ...[...ANNOTATED, ...WITHOUT_REQUESTS, ...DESTINED].map((wish) => among([OWN, OTHER], wish)),
  ...DECLARED,
  among([], {
    title: 'refuses what nothing can serve, whatever is wished of its requests',
    ...annotated({ retries: '2' }),
    mode: 'REJECT',
  }),
]

function among(endpoints: readonly Endpoint[], wish: Wish): SelectionCase {
  const all = endpoints.map((endpoint) => ({
    ...endpoint,
    protocol: wish.port?.protocol ?? endpoint.protocol,
  }))
  return { endpoints: all, expected: all, ...wish }
}

function annotated(annotations: Readonly<Record<string, string>>): Pick<SelectionCase, 'service'> {
  const prefixed = Object.entries(annotations).map(([name, value]) => [`edgeway.io/${name}`, value])
  return { service: { annotations: Object.fromEntries(prefixed) } }
}

function destined(policy: Partial<DestinationPolicy>): Pick<SelectionCase, 'service'> {
  const none = { balancing: undefined, connectionPool: NO_CONNECTION_POOL, outlierDetection: undefined }
  return { service: { destinationPolicy: { ...none, ...policy } } }
}

function pooled(http: Partial<HttpConnectionPool>): Pick<SelectionCase, 'service'> {
  return destined({ connectionPool: { ...NO_CONNECTION_POOL, http: { ...NO_HTTP_POOL, ...http } } })
}
