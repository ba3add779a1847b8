export { type DnsDeps, DnsServer } from './dns-server.ts'
export {
  DnsListenError,
  DnsQuestionError,
  DnsStubDomainError,
  DnsUdpEngineError,
  DnsUpstreamError,
} from './errors.ts'
export type { CacheState, Explanation, Question } from './explain/explanation.ts'
export { isDomain } from './forward/domain.ts'
export { DEFAULT_DNS_OPTIONS, type DnsOptions } from './options.ts'
