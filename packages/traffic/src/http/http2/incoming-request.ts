import type { ForwardedHeaders } from '@edgeway/core'
import type { RequestFacts } from '../policy/request-route.ts'
import {
  dropConnectionFields,
  type Fields,
  fieldIn,
  type Headers,
  indexOfField,
  isGrpc,
  keepSensitive,
  linesOf,
} from './message-fields.ts'

/** Why a request goes nowhere. */
export interface RequestProblem {
  readonly status: 400 | 405
  readonly sentence: string
}

/** How a request came. */
export interface RequestFrame {
  readonly headers: Headers
  /** Its own: they become those of the request to the endpoint. */
  readonly fields: Fields
  readonly hasBody: boolean
  /** Without a port. */
  readonly clientIp: string
}

/** A request of HTTP/2, checked by nghttp2 as far as RFC 9113, 8.1 to 8.3 goes. */
export class IncomingRequest implements RequestFacts {
  readonly method: string
  readonly path: string
  readonly clientIp: string
  readonly hasBody: boolean
  readonly isGrpc: boolean
  readonly #headers: Headers
  readonly #fields: Fields

  constructor({ headers, fields, hasBody, clientIp }: RequestFrame) {
    this.method = headers[':method'] ?? ''
    this.path = headers[':path'] ?? ''
    this.clientIp = clientIp
    this.hasBody = hasBody
    this.isGrpc = isGrpc(headers)
    this.#headers = headers
    this.#fields = fields
  }

  field(name: string): string | undefined {
    return fieldIn(this.#headers, name)
  }

  allFields(name: string): readonly string[] {
    return linesOf(this.#fields, name)
  }

  /** Who may want to send trailers; of gRPC it is known that clients never do. */
  get mayHaveTrailers(): boolean {
    return this.hasBody && !this.isGrpc
  }

  /**
   * The fields for the endpoint: the list that came, changed in place. To be called once; `problem` comes before.
   *
   * One `:authority` names the target, also where the client sent `Host` instead (RFC 9113, 8.3.1).
   */
  outgoingFields(forwarded: ForwardedHeaders): Fields {
    const fields = this.#fields
    const host = indexOfField(fields, 'host')
    if (host !== -1) {
      if (this.#headers[':authority'] === undefined) fields[host] = ':authority'
      else fields.splice(host, 2)
    }
    dropConnectionFields(fields)
    addForwarded(fields, forwarded, this)
    keepSensitive(fields, this.#headers)
    return fields
  }

  /** What nghttp2 lets pass and we don't. */
  get problem(): RequestProblem | undefined {
    if (this.method === 'CONNECT') return { status: 405, sentence: 'CONNECT is not supported' }
    const authority = this.#headers[':authority']
    const host = fieldIn(this.#headers, 'host')
    if (authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase())
      return { status: 400, sentence: ':authority and host differ' }
    if ((authority ?? host)?.includes('@') === true)
      return { status: 400, sentence: 'the authority has user information' }
    return undefined
  }
}

/** In lines of their own: what the client sent stays, and comes first. */
function addForwarded(fields: Fields, mode: ForwardedHeaders, request: IncomingRequest): void {
  const { clientIp } = request
  if (mode === 'x-forwarded-for' || mode === 'both') fields.push('x-forwarded-for', clientIp)
  // A chain that leaves somebody out says something wrong (RFC 7239, 4).
  const isExtended = mode !== 'off' && request.field('forwarded') !== undefined
  if (mode === 'forwarded' || mode === 'both' || isExtended)
    fields.push('forwarded', clientIp.includes(':') ? `for="[${clientIp}]"` : `for=${clientIp}`)
}
