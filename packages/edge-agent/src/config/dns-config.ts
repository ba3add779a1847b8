import { DEFAULT_DNS_OPTIONS, type DnsOptions, isDomain } from '@edgeway/dns'
import { z } from 'zod'
import { ipAndPort, milliseconds, millisecondsOrNone, port } from './fields.ts'

const namespaceAndName = z
  .string()
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?\/[a-z]([-a-z0-9]*[a-z0-9])?$/,
    'expected namespace/name of a Service',
  )
/** At most a week: the longest that an answer may be kept (RFC 8767 section 4), stale or not. */
const cacheSeconds = z.int().nonnegative().max(604_800)

const { clusterDns: CLUSTER_DNS } = DEFAULT_DNS_OPTIONS

const stubDomain = z.strictObject({
  domain: z.string().refine(isDomain, 'expected a domain without a final dot'),
  upstreams: z.array(ipAndPort).min(1),
})

const clusterDns = z.strictObject({
  services: z.array(namespaceAndName).default([...CLUSTER_DNS.services]),
  intercept: z.enum(['auto', 'on', 'off']).default('auto'),
  cacheMode: z.boolean().default(CLUSTER_DNS.cacheMode),
  upstreams: z.array(ipAndPort).default([]),
  maxTtlSeconds: cacheSeconds.default(CLUSTER_DNS.maxTtlSeconds),
}) satisfies z.ZodType<Omit<DnsOptions['clusterDns'], 'intercept'>>

export const dns = z.strictObject({
  listenPort: port.default(DEFAULT_DNS_OPTIONS.listenPort),
  udpEngine: z.enum(['auto', 'batch', 'dgram']).default(DEFAULT_DNS_OPTIONS.udpEngine),
  clusterDomain: z
    .string()
    .regex(
      /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
      'expected a domain without a final dot',
    )
    .default(DEFAULT_DNS_OPTIONS.clusterDomain),
  ttlSeconds: z.int().nonnegative().default(DEFAULT_DNS_OPTIONS.ttlSeconds),
  upstreams: z.array(ipAndPort).default([]),
  stubDomains: z.array(stubDomain).superRefine(refuseRepeatedDomains).default([]),
  clusterDns: clusterDns.prefault({}),
  autopath: z.boolean().default(DEFAULT_DNS_OPTIONS.autopath),
  randomizeQueryCase: z.boolean().default(DEFAULT_DNS_OPTIONS.randomizeQueryCase),
  resolvConf: z.string().min(1).default(DEFAULT_DNS_OPTIONS.resolvConf),
  resolvConfPollMs: milliseconds.default(DEFAULT_DNS_OPTIONS.resolvConfPollMs),
  upstreamTimeoutMs: milliseconds.default(DEFAULT_DNS_OPTIONS.upstreamTimeoutMs),
  forwardTimeoutMs: milliseconds.default(DEFAULT_DNS_OPTIONS.forwardTimeoutMs),
  upstreamHoldOffMs: millisecondsOrNone.default(DEFAULT_DNS_OPTIONS.upstreamHoldOffMs),
  upstreamTcpIdleTimeoutMs: milliseconds.default(DEFAULT_DNS_OPTIONS.upstreamTcpIdleTimeoutMs),
  maxForwardedQueries: z.int().positive().default(DEFAULT_DNS_OPTIONS.maxForwardedQueries),
  cacheBytes: z.int().nonnegative().default(DEFAULT_DNS_OPTIONS.cacheBytes),
  cacheMinTtlSeconds: cacheSeconds.default(DEFAULT_DNS_OPTIONS.cacheMinTtlSeconds),
  cacheMaxTtlSeconds: cacheSeconds.default(DEFAULT_DNS_OPTIONS.cacheMaxTtlSeconds),
  cacheMaxNegativeTtlSeconds: cacheSeconds.default(DEFAULT_DNS_OPTIONS.cacheMaxNegativeTtlSeconds),
  cacheFailureTtlSeconds: z.int().min(1).max(5).default(DEFAULT_DNS_OPTIONS.cacheFailureTtlSeconds),
  staleSeconds: cacheSeconds.default(DEFAULT_DNS_OPTIONS.staleSeconds),
  staleAnswerTimeoutMs: milliseconds.default(DEFAULT_DNS_OPTIONS.staleAnswerTimeoutMs),
  maxUdpPayloadBytes: z.int().min(512).max(65_507).default(DEFAULT_DNS_OPTIONS.maxUdpPayloadBytes),
  responsesPerSecondPerClient: z.int().nonnegative().default(DEFAULT_DNS_OPTIONS.responsesPerSecondPerClient),
  tcpIdleTimeoutMs: milliseconds.default(DEFAULT_DNS_OPTIONS.tcpIdleTimeoutMs),
  maxTcpConnections: z.int().positive().default(DEFAULT_DNS_OPTIONS.maxTcpConnections),
  maxTcpPipelinedQueries: z.int().positive().default(DEFAULT_DNS_OPTIONS.maxTcpPipelinedQueries),
  drainTimeoutMs: millisecondsOrNone.default(DEFAULT_DNS_OPTIONS.drainTimeoutMs),
}) satisfies z.ZodType<Omit<DnsOptions, 'clusterDns'>>

function refuseRepeatedDomains(
  stubDomains: DnsOptions['stubDomains'],
  context: z.RefinementCtx<DnsOptions['stubDomains']>,
): void {
  const domains = stubDomains.map(({ domain }) => domain.toLowerCase())
  for (const [index, domain] of domains.entries()) {
    if (domains.indexOf(domain) === index) continue
    const path = [index, 'domain']
    context.addIssue({ code: 'custom', message: 'expected each domain once', input: domain, path })
  }
}
