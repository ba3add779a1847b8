import type { ServerCertificate } from '../api-double/http/certificate.ts'
import type { Compat } from './faults/compat.ts'
import type { Faults } from './faults/faults.ts'

/** Who may talk to MetaServer in secure mode. */
export interface SecureOptions {
  /** Bearer tokens that the node knows, as those of its pods. */
  readonly tokens: readonly string[]
  /** Host names and addresses of the certificate, besides 127.0.0.1, 169.254.30.10 and `host`. */
  readonly names: readonly string[]
  /** As of an earlier run; made for the occasion unless given. */
  readonly certificate?: ServerCertificate
}

export interface MetaServerDoubleOptions {
  readonly host: string
  /** 0: any free port. MetaServer's own is 10550. */
  readonly port: number
  /** Where the control API listens; 0: any free port, `undefined`: nowhere. */
  readonly controlPort: number | undefined
  readonly controlHost: string
  /** The node that it stands on: Services of `range-nodegroup` topology then have endpoints of its group only. */
  readonly nodeName: string | undefined
  /** SQLite file of the edge; `:memory:` lasts as long as the double, its edge restarts included. */
  readonly dbFile: string
  /** Base URL of the API server that is the cloud, plain HTTP; `undefined`: a store in this process. */
  readonly upstream: string | undefined
  readonly compat: Compat
  /** What is other than in `compat`. */
  readonly faults: Partial<Faults>
  /** Of everything random. */
  readonly seed: number
  /** HTTPS with bearer tokens; `undefined`: plain HTTP for everybody. */
  readonly secure: SecureOptions | undefined
  readonly rttMs: number
  /** What a request to the cloud may take; also how long it takes when the link is half-open. */
  readonly cloudTimeoutMs: number
  /** When an unacknowledged delivery is sent again, and how often before its turn is over. */
  readonly ackTimeoutMs: number
  readonly maxSends: number
  /** How often CloudCore compares what a node has with what there is. */
  readonly syncIntervalMs: number
  /** How long a half-open link goes unnoticed by CloudCore. */
  readonly keepaliveTimeoutMs: number
  /** Between asking an upstream whether it is there, and between attempts to reach it. */
  readonly heartbeatIntervalMs: number
  readonly reconnectDelayMs: number
  /** Watches without `timeoutSeconds` end after a random time between these. */
  readonly minWatchTimeoutMs: number
  readonly maxWatchTimeoutMs: number
  /** How long the gap of `watchGap` is. */
  readonly watchGapMs: number
  /** Live events that wait for a client that does not read, beyond what its connection holds. */
  readonly watchQueueLength: number
}

/** Times are those of EdgeHub, CloudHub, SyncController and MetaServer. */
export const DEFAULT_METASERVER_DOUBLE_OPTIONS: MetaServerDoubleOptions = {
  host: '127.0.0.1',
  port: 0,
  controlPort: undefined,
  controlHost: '127.0.0.1',
  nodeName: undefined,
  dbFile: ':memory:',
  upstream: undefined,
  compat: 'v1.23',
  faults: {},
  seed: 1,
  secure: undefined,
  rttMs: 0,
  cloudTimeoutMs: 10_000,
  ackTimeoutMs: 5_000,
  maxSends: 5,
  syncIntervalMs: 5_000,
  keepaliveTimeoutMs: 30_000,
  heartbeatIntervalMs: 15_000,
  reconnectDelayMs: 5_000,
  minWatchTimeoutMs: 1_800_000,
  maxWatchTimeoutMs: 3_600_000,
  watchGapMs: 5,
  watchQueueLength: 200,
}
