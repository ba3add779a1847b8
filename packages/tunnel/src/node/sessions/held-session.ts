import type { Connection } from '@libp2p/interface'
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
