export { type DnsDeps, DnsServer } from './dns-server.ts'
export { DnsListenError, DnsStubDomainError, DnsUpstreamError } from './errors.ts'
export { isDomain } from './forward/domain.ts'
export { DEFAULT_DNS_OPTIONS, type DnsOptions } from './options.ts'
