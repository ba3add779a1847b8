import { getSystemErrorMessage, getSystemErrorName } from 'node:util'
import { EdgewayError } from '@edgeway/core'

/** The DNS responder could not bind its address. */
export class DnsListenError extends EdgewayError {
  override readonly name = 'DnsListenError'
  readonly code = 'ERR_DNS_LISTEN'

  constructor(address: string, port: number, options?: ErrorOptions) {
    super(`can't listen for DNS on ${address} port ${port}`, options)
  }
}

/** A system call failed. `code` is the system's own, e.g. `EADDRINUSE`, as Node's errors have it. */
export class SystemCallError extends EdgewayError {
  override readonly name = 'SystemCallError'
  readonly code: string

  /** @param errno - of Linux, above 0 */
  constructor(call: string, errno: number) {
    super(`${call}: ${getSystemErrorMessage(-errno)}`)
    this.code = getSystemErrorName(-errno)
  }
}

/** The wanted engine for UDP does not work on this machine. */
export class DnsUdpEngineError extends EdgewayError {
  override readonly name = 'DnsUdpEngineError'
  readonly code = 'ERR_DNS_UDP_ENGINE'

  constructor(engine: string, options?: ErrorOptions) {
    super(`the engine ${engine} for UDP does not work here`, options)
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
