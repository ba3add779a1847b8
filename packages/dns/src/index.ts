export { type DnsDeps, DnsServer } from './dns-server.ts'
export { DnsListenError, DnsUpstreamError } from './errors.ts'
export { DEFAULT_DNS_OPTIONS, type DnsOptions } from './options.ts'
