import type { Socket } from 'node:net'
import type { Service } from '@edgeway/core'
import type { ProxiedAddress } from '../account/proxy-protocol.ts'
import type { CalledPort } from '../listen/interceptor.ts'

/** A client's connection and what it called. */
export interface AcceptedClient {
  readonly client: Socket
  readonly called: CalledPort | undefined
  readonly service: Service | undefined
  /** Asked for at once: a socket that was reset no longer knows. */
  readonly source: ProxiedAddress | undefined
  /** As `performance.now()` tells it. */
  readonly acceptedAtMs: number
}

/** One that called a ServicePort. */
export interface Caller extends AcceptedClient {
  readonly called: CalledPort
  readonly service: Service
}

export function acceptedClient(
  client: Socket,
  { called, service }: Pick<AcceptedClient, 'called' | 'service'>,
): AcceptedClient {
  const { remoteAddress: ip, remotePort: port } = client
  const source = ip === undefined || port === undefined ? undefined : { ip, port }
  return { client, called, service, source, acceptedAtMs: performance.now() }
}
