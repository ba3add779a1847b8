import type { ForwardedHeaders } from '@edgeway/core'
import type { ProxiedConnection } from '../../account/proxy-protocol.ts'
import { BodyReader } from '../message/body-reader.ts'
import { forwardedLines } from '../message/forwarded.ts'
import type { HeadProblem } from '../message/head-problem.ts'
import { outgoingRequest } from '../message/outgoing-request.ts'
import { allFieldsOf, fieldOf, type RequestHead } from '../message/request-head.ts'
import type { RequestFacts } from '../policy/request-route.ts'
import { wantsPipe } from './pipe.ts'

/** Who sent a request. */
export interface Requester {
  /** Without a port. */
  readonly ip: string
  readonly proxied: ProxiedConnection
}

/**
 * What a client asks for: the head, and how much of the body has come.
 *
 * HOT PATH: its exchange extends it, so that one object serves for both.
 */
export class ClientRequest implements RequestFacts {
  readonly head: RequestHead
  readonly #requester: Requester
  /** Of a request that has one. */
  readonly #body: BodyReader | undefined

  constructor(head: RequestHead, requester: Requester) {
    this.head = head
    this.#requester = requester
    if (head.framing.kind === 'none') return
    this.#body = new BodyReader()
    this.#body.begin(head.framing)
  }

  get method(): string {
    return this.head.method
  }

  get path(): string {
    return this.head.path
  }

  get clientIp(): string {
    return this.#requester.ip
  }

  get proxied(): ProxiedConnection {
    return this.#requester.proxied
  }

  field(name: string): string | undefined {
    return fieldOf(this.head, name)
  }

  allFields(name: string): readonly string[] {
    return allFieldsOf(this.head, name)
  }

  /** As endpoints get it, or why none may. */
  outgoingHead(forwarded: ForwardedHeaders, defaultHost: string): string | HeadProblem {
    const { head } = this
    return outgoingRequest(head, {
      extraLines: forwardedLines(forwarded, head, this.clientIp),
      keepsUpgrade: wantsPipe(head),
      defaultHost,
    })
  }

  /** The body is still to come, or a part of it. */
  get wantsBody(): boolean {
    return this.#body?.isComplete === false
  }

  /** What is wrong with the body, once `readBody` said that something is. */
  get bodyProblem(): string {
    return this.#body?.problem ?? 'the body of the request is malformed'
  }

  /** @returns as of `BodyReader.advance` */
  readBody(bytes: Buffer, from: number): number {
    return this.#body === undefined ? from : this.#body.advance(bytes, from)
  }
}
