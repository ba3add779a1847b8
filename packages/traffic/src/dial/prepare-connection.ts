import { Socket } from 'node:net'
import {
  type ConnectionPool,
  type EndpointConnection,
  PROXY_PROTOCOL_ANNOTATION,
  type Service,
} from '@edgeway/core'
import { type ProxiedConnection, proxyHeaderV2 } from '../account/proxy-protocol.ts'
import { keepAlive } from '../kernel/keep-alive.ts'

/** What a Service wishes of connections to its endpoints. */
export interface ConnectionWishes {
  readonly pool: Pick<ConnectionPool, 'keepAlive'>
  readonly service: Pick<Service, 'annotations'> | undefined
  /** Who calls; `undefined` where that is not known, or where it is not one client alone. */
  readonly proxied: ProxiedConnection | undefined
}

/** What comes before the first byte of a client, on a connection just made. */
export function prepareConnection(
  { stream }: Pick<EndpointConnection, 'stream'>,
  { pool, service, proxied }: ConnectionWishes,
): void {
  if (pool.keepAlive !== undefined && stream instanceof Socket) keepAlive(stream, pool.keepAlive)
  if (service?.annotations[PROXY_PROTOCOL_ANNOTATION] !== 'v2') return
  stream.write(proxyHeaderV2(proxied ?? { source: undefined, destination: undefined }))
}
