import type { LinkPhase, LinkState } from './link/link.ts'

/** What happened since the start; counted where it happens. */
export interface Counters {
  cloudcoreCrashes: number
  cloudcoreRestarts: number
  edgeRestarts: number
  /** Requests to the cloud, watches that were registered included. */
  cloudRequests: number
  /** Lists and objects that were answered from the store. */
  localAnswers: number
  /** Objects that the node received and acknowledged. */
  deliveries: number
  /** Acknowledged deliveries that were neither stored nor told. */
  lostDeliveries: number
}

export const ZERO_COUNTERS: Readonly<Counters> = {
  cloudcoreCrashes: 0,
  cloudcoreRestarts: 0,
  edgeRestarts: 0,
  cloudRequests: 0,
  localAnswers: 0,
  deliveries: 0,
  lostDeliveries: 0,
}

export interface Stats extends Readonly<Counters> {
  readonly link: LinkState
  readonly phase: LinkPhase
  readonly rttMs: number
  /** `false` in secure mode after a restart without the cloud. */
  readonly listening: boolean
  /** CloudCore answers nobody, since a watch of what it may not list. */
  readonly blocked: boolean
  /** A client does not read its watch: nothing is delivered. */
  readonly stalled: boolean
  /** Objects that wait to be delivered. */
  readonly queued: number
  /** Watches that CloudCore knows of. */
  readonly listeners: number
  /** Open watches of clients. */
  readonly watches: number
  readonly objectSyncs: number
  /** Objects whose deletion the node was told in a way that it can't read. */
  readonly ghosts: number
  readonly rows: number
  /** The highest version that the node ever stored. */
  readonly revision: number
}
