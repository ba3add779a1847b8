import type { Socket } from 'node:net'
import type { Component, IpFamily, ListenerDirectory, ServicePort, TrafficScope } from '@edgeway/core'
import type { Destination } from '../kernel/original-destination.ts'

/** Where redirected connections arrive and which ServicePort each was going to. */
export interface Interceptor extends Component {
  readonly listeners: ListenerDirectory
}

/** The node's own addresses on which redirected connections arrive; a family that is missing has no listener. */
export type NodeAddresses = Readonly<Partial<Record<IpFamily, string>>>

/** What a client called: a ServicePort, at a ClusterIP or from outside the cluster's own addresses. */
export interface CalledPort {
  readonly servicePort: ServicePort
  readonly scope: TrafficScope
  /** The address that was called; one of the ServicePort's where nobody tells. */
  readonly destination: Destination
}

/**
 * Takes over an accepted connection, half-open allowed, of which nothing was read yet. `called` is `undefined` for one that
 * no ServicePort explains: it came directly, or its Service has just gone.
 */
export type OnConnection = (socket: Socket, called: CalledPort | undefined) => void
