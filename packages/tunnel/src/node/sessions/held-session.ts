import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { RegistryLink } from './registry-link.ts'

/** A tunnel server that this node is welcome at. */
export interface HeldSession {
  readonly connection: Connection
  readonly link: RegistryLink
  readonly since: Date
  /** Ends the session, for the signal's reason. */
  readonly end: AbortController
  isReserved: boolean
}

/** A tunnel server that this node has a session with, and a reservation at. */
export interface JoinedServer {
  readonly peerId: string
  /** With the PeerId. */
  readonly address: Multiaddr
  readonly rttMs: number
  /** It owes an answer. */
  readonly isSuspect: boolean
  /** The IP address that the server sees this node at. */
  readonly observed: string
  /** TCP ports of the server's host where reflectors listen. */
  readonly reflectorPorts: readonly number[]
}
