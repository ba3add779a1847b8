import type { ServerCertificate } from '../api-double/http/certificate.ts'
import type { ObjectStore } from '../api-double/object-store.ts'
import type { Cloud } from './cloud/cloud.ts'
import { CloudCore } from './cloud/cloudcore.ts'
import { UpstreamCloud } from './cloud/upstream-cloud.ts'
import { EdgeNode } from './edge/edge-node.ts'
import { EdgeStore } from './edge/edge-store.ts'
import { WatchHub } from './edge/watch-hub.ts'
import { traitsOf } from './faults/compat.ts'
import { type Faults, faultsOf } from './faults/faults.ts'
import { HttpSurface } from './http/http-surface.ts'
import { Link } from './link/link.ts'
import type { MetaServerDoubleOptions, SecureOptions } from './options.ts'
import type { Resource } from './resource.ts'
import { type Counters, ZERO_COUNTERS } from './stats.ts'
import { type Clock, systemClock } from './time/clock.ts'
import { OwnedClock } from './time/owned-clock.ts'
import { seededRandom } from './time/random.ts'

export interface MetaServerDoubleDeps {
  /** The cloud's truth, without an upstream; a new one unless given. */
  readonly store?: ObjectStore
  readonly clock?: Clock
  /** Told when the upstream is reached (`undefined`) or lost (why). */
  readonly onUpstream?: (error: unknown) => void
}

/** Reason for the link to be down. */
const UPSTREAM_AWAY = 'the upstream is not reached'

/** Of KubeEdge's interface for pods. */
const DUMMY_IP = '169.254.30.10'

/** Parts that are made one after another, each of those before it. */
export interface Parts {
  readonly cloud: Cloud
  readonly cloudcore: CloudCore
  readonly counters: Counters
  readonly faults: Faults
  readonly hub: WatchHub
  readonly link: Link
  readonly node: EdgeNode
  readonly certificate: ServerCertificate | undefined
  readonly store: EdgeStore
  readonly surface: HttpSurface
}

/** Makes the parts; what runs is disposed of with `running`. Nothing listens yet. */
export async function buildParts(
  options: MetaServerDoubleOptions,
  deps: MetaServerDoubleDeps,
  running: AsyncDisposableStack,
): Promise<Parts> {
  const clock = running.use(new OwnedClock(deps.clock ?? systemClock))
  const random = seededRandom(options.seed)
  const traits = traitsOf(options.compat)
  const faults = { ...faultsOf(options.compat), ...options.faults }
  const counters = { ...ZERO_COUNTERS }
  const store = running.use(new EdgeStore(options.dbFile))
  const { rttMs, cloudTimeoutMs, watchGapMs, host, secure } = options
  const hub = new WatchHub({ clock, store, faults, watchGapMs })
  const node = new EdgeNode({ store, hub, faults, counters })
  const link = running.use(new Link({ clock, random, rttMs, cloudTimeoutMs }))
  const cloud = running.use(await startCloud(options, deps, { clock, link }))
  const cloudcore = running.use(
    new CloudCore(node, {
      cloud,
      link,
      clock,
      random,
      faults,
      options,
      counters,
      nodeName: options.nodeName,
    }),
  )
  node.connect(cloudcore)
  const certificate = secure === undefined ? undefined : await certificateOf(host, secure)
  const isDenied = (resource: Resource): boolean => cloudcore.isDenied(resource)
  const surface = running.use(
    new HttpSurface({ node, clock, random, faults, traits, options, isDenied, certificate }),
  )
  return { cloud, cloudcore, counters, faults, hub, link, node, certificate, store, surface }
}

async function certificateOf(
  host: string,
  { names, certificate }: SecureOptions,
): Promise<ServerCertificate> {
  if (certificate !== undefined) return certificate
  const { makeCertificate } = await import('../api-double/http/certificate.ts')
  return await makeCertificate([...new Set(['127.0.0.1', DUMMY_IP, host, ...names])])
}

async function startCloud(
  { upstream, heartbeatIntervalMs, reconnectDelayMs, cloudTimeoutMs }: MetaServerDoubleOptions,
  { store, onUpstream }: MetaServerDoubleDeps,
  { clock, link }: { readonly clock: Clock; readonly link: Link },
): Promise<Cloud> {
  if (upstream === undefined) {
    // Loaded where it is needed only: doubles that stand on many nodes of a lab have an upstream, and 20 MB less.
    const { StoreCloud } = await import('./cloud/store-cloud.ts')
    return await StoreCloud.start(store)
  }
  link.obstruct(UPSTREAM_AWAY, true)
  return UpstreamCloud.start(upstream, {
    ...{ clock, heartbeatIntervalMs, reconnectDelayMs, timeoutMs: cloudTimeoutMs },
    onReachable: (isReachable, error) => {
      link.obstruct(UPSTREAM_AWAY, !isReachable)
      onUpstream?.(error)
    },
  })
}
