import type { Socket } from 'node:net'
import type { Component, ListenerDirectory, ServicePort } from '@edgeway/core'

/** Where redirected connections arrive and which ServicePort each was going to. */
export interface Interceptor extends Component {
  readonly listeners: ListenerDirectory
}

/**
 * Takes over an accepted connection, half-open allowed, of which nothing was read yet. `servicePort` is `undefined` for one that no
 * ServicePort explains: it came directly, or its Service has just gone.
 */
export type OnConnection = (socket: Socket, servicePort: ServicePort | undefined) => void
