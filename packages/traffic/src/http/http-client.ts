import type { Socket } from 'node:net'
import type { Service } from '@edgeway/core'
import type { ProxiedAddress } from '../account/proxy-protocol.ts'
import type { CalledPort } from '../listen/interceptor.ts'

/** A client's connection that turned out to speak HTTP, and what it called. */
export interface HttpClient {
  readonly socket: Socket
  readonly called: CalledPort
  readonly service: Service
  /** Its own address; `undefined` for one that was reset before anybody asked. */
  readonly source: ProxiedAddress | undefined
}
