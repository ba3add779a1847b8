import { EdgewayError } from '@edgeway/core'

/** The DNS responder could not bind its address. */
export class DnsListenError extends EdgewayError {
  override readonly name = 'DnsListenError'
  readonly code = 'ERR_DNS_LISTEN'

  constructor(address: string, port: number, options?: ErrorOptions) {
    super(`can't listen for DNS on ${address} port ${port}`, options)
  }
}

/** A configured upstream is no `ip`, `ip:port` or `[ipv6]:port`. */
export class DnsUpstreamError extends EdgewayError {
  override readonly name = 'DnsUpstreamError'
  readonly code = 'ERR_DNS_UPSTREAM'

  constructor(text: string) {
    super(`not an upstream resolver: ${text}`)
  }
}

/** A configured stub domain can't be served. */
export class DnsStubDomainError extends EdgewayError {
  override readonly name = 'DnsStubDomainError'
  readonly code = 'ERR_DNS_STUB_DOMAIN'

  /** @param field - within the options, e.g. `stubDomains[0].domain` */
  constructor(field: string, expectation: string, found: string) {
    super(`dns.${field}: ${expectation}, found "${found}"`)
  }
}

/** A question put as text has no name or no type. */
export class DnsQuestionError extends EdgewayError {
  override readonly name = 'DnsQuestionError'
  readonly code = 'ERR_DNS_QUESTION'

  constructor(field: 'name' | 'type', text: string, expected: string) {
    super(`${field}: expected ${expected}, found ${JSON.stringify(text)}`)
  }
}
