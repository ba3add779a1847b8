import { join } from 'node:path'
import { type IpFamily, LOG_LEVELS, type NodeName } from '@edgeway/core'
import { DEFAULT_DNS_OPTIONS, type DnsOptions, isDomain } from '@edgeway/dns'
import {
  type ApiServerAddress,
  DEFAULT_METADATA_OPTIONS,
  detectSource,
  isVirtualRange,
  type MetadataOptions,
  type MetadataSource,
} from '@edgeway/metadata'
import {
  DEFAULT_NODE_DEVICE_OPTIONS,
  DEFAULT_PROXIER_OPTIONS,
  type NodeDeviceOptions,
  type ProxierOptions,
} from '@edgeway/proxier'
import type { RuntimeConfig } from '@edgeway/runtime'
import { DEFAULT_TRAFFIC_OPTIONS, type TrafficOptions } from '@edgeway/traffic'
import { DEFAULT_TUNNEL_OPTIONS, type TunnelOptions } from '@edgeway/tunnel'
import { z } from 'zod'
import { isHostAndPort, isIpAndPort } from './address-text.ts'

// What each field means stands in config.example.yaml; a test keeps the two alike.

const { ownEndpoints: OWN_ENDPOINTS, virtualAddresses: VIRTUAL } = DEFAULT_METADATA_OPTIONS

/** The highest one that setegid(2) takes. */
const MAX_GROUP_ID = 2 ** 32 - 2

const port = z.int().min(0).max(65_535)
/** At most a day: a timer of more than 24.8 days would fire at once. */
const milliseconds = z.int().positive().max(86_400_000)
const millisecondsOrNone = z.int().nonnegative().max(86_400_000)
const hostAndPort = z.string().refine(isHostAndPort, 'expected host:port')
const ipAndPort = z.string().refine(isIpAndPort, 'expected an IP address, with or without :port')
const namespaceAndName = z
  .string()
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?\/[a-z]([-a-z0-9]*[a-z0-9])?$/,
    'expected namespace/name of a Service',
  )
/** Others would show them: the URL is in logs and in /configz. */
const urlWithoutCredentials = z
  .url({ protocol: /^https?$/ })
  .refine((url) => !url.includes('@'), 'expected a URL without credentials')

const log = z.strictObject({ level: z.enum(LOG_LEVELS).default('info') })

const admin = z.strictObject({
  host: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
  port: port.default(20_009),
})

const device = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,14}$/, 'expected a device name of at most 15 characters')
    .default(DEFAULT_NODE_DEVICE_OPTIONS.name),
  address: z.ipv4().default(DEFAULT_NODE_DEVICE_OPTIONS.address),
  addresses: z.array(z.union([z.ipv4(), z.ipv6()])).default([...DEFAULT_NODE_DEVICE_OPTIONS.addresses]),
  checkIntervalMs: milliseconds.default(DEFAULT_NODE_DEVICE_OPTIONS.checkIntervalMs),
}) satisfies z.ZodType<NodeDeviceOptions>

const ownEndpoints = z.strictObject({
  checkIntervalMs: milliseconds.default(OWN_ENDPOINTS.checkIntervalMs),
  connectTimeoutMs: milliseconds.default(OWN_ENDPOINTS.connectTimeoutMs),
  maxConcurrentChecks: z.int().positive().default(OWN_ENDPOINTS.maxConcurrentChecks),
  criSocket: z
    .union([z.enum(['auto', 'off']), z.templateLiteral(['/', z.string()])])
    .default(OWN_ENDPOINTS.criSocket),
  criTimeoutMs: milliseconds.default(OWN_ENDPOINTS.criTimeoutMs),
}) satisfies z.ZodType<MetadataOptions['ownEndpoints']>

const virtualRange = (family: IpFamily, example: string) =>
  z
    .string()
    .refine(
      (text) => isVirtualRange(text, family),
      `expected an ${family} range that pods can call, e.g. ${example}, or off`,
    )
    .default(example)

const virtualAddresses = z.strictObject({
  ipv4: virtualRange('IPv4', VIRTUAL.ipv4),
  ipv6: virtualRange('IPv6', VIRTUAL.ipv6),
  retentionSeconds: z.int().positive().max(31_536_000).default(VIRTUAL.retentionSeconds),
}) satisfies z.ZodType<MetadataOptions['virtualAddresses']>

const metadata = z.strictObject({
  source: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('auto') }),
      z.strictObject({
        kind: z.literal('metaserver'),
        url: urlWithoutCredentials.default('http://127.0.0.1:10550'),
        caFile: z.string().min(1).exactOptional(),
        tokenFile: z.string().min(1).exactOptional(),
      }),
      z.strictObject({
        kind: z.literal('apiserver'),
        kubeconfig: z.string().min(1).exactOptional(),
        context: z.string().min(1).exactOptional(),
      }),
    ])
    .refine(isSecureWhereNeeded, 'expected no caFile and no tokenFile with an http URL')
    .default({ kind: 'auto' }),
  serviceFilterMode: z
    .enum(['FilterIfLabelExists', 'FilterIfLabelDoesNotExists'])
    .default(DEFAULT_METADATA_OPTIONS.serviceFilterMode),
  listTimeoutMs: milliseconds.default(DEFAULT_METADATA_OPTIONS.listTimeoutMs),
  watchTimeoutSeconds: z.int().positive().max(86_400).default(DEFAULT_METADATA_OPTIONS.watchTimeoutSeconds),
  relistIntervalMs: milliseconds.default(DEFAULT_METADATA_OPTIONS.relistIntervalMs),
  probeIntervalMs: milliseconds.default(DEFAULT_METADATA_OPTIONS.probeIntervalMs),
  minRetryDelayMs: milliseconds.default(DEFAULT_METADATA_OPTIONS.minRetryDelayMs),
  maxRetryDelayMs: milliseconds.default(DEFAULT_METADATA_OPTIONS.maxRetryDelayMs),
  ownEndpoints: ownEndpoints.prefault({}),
  virtualAddresses: virtualAddresses.prefault({}),
}) satisfies z.ZodType<Omit<MetadataOptions, 'source' | 'storeFile' | 'clusterDomain'>>

const tunnel = z.strictObject({
  servers: z.array(hostAndPort).min(1),
  joinTokenFile: z.string().min(1).default(DEFAULT_TUNNEL_OPTIONS.joinTokenFile),
  listenHost: z.union([z.ipv4(), z.ipv6()]).default(DEFAULT_TUNNEL_OPTIONS.listenHost),
  listenPort: port.default(DEFAULT_TUNNEL_OPTIONS.listenPort),
  announceAddresses: z.union([z.literal('auto'), z.array(hostAndPort)]).default('auto'),
  usePrivateAddresses: z.boolean().default(DEFAULT_TUNNEL_OPTIONS.usePrivateAddresses),
  joinTimeoutMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.joinTimeoutMs),
  connectTimeoutMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.connectTimeoutMs),
  relayDelayMs: millisecondsOrNone.default(DEFAULT_TUNNEL_OPTIONS.relayDelayMs),
  directRetryMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.directRetryMs),
  openTimeoutMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.openTimeoutMs),
  answerTimeoutMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.answerTimeoutMs),
  requestTimeoutMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.requestTimeoutMs),
  unknownPeerWaitMs: milliseconds.default(DEFAULT_TUNNEL_OPTIONS.unknownPeerWaitMs),
  drainTimeoutMs: millisecondsOrNone.default(DEFAULT_TUNNEL_OPTIONS.drainTimeoutMs),
}) satisfies z.ZodType<Omit<TunnelOptions, 'keyFile'>>

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

const dns = z.strictObject({
  listenPort: port.default(DEFAULT_DNS_OPTIONS.listenPort),
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

const { health: HEALTH, udp: UDP } = DEFAULT_TRAFFIC_OPTIONS

const udp = z.strictObject({
  idleTimeoutMs: milliseconds.default(UDP.idleTimeoutMs),
  dnsAnsweredTimeoutMs: milliseconds.default(UDP.dnsAnsweredTimeoutMs),
  dnsUnansweredTimeoutMs: milliseconds.default(UDP.dnsUnansweredTimeoutMs),
  maxSessionsPerServicePort: z.int().positive().default(UDP.maxSessionsPerServicePort),
  maxSessions: z.int().positive().default(UDP.maxSessions),
}) satisfies z.ZodType<TrafficOptions['udp']>

const health = z.strictObject({
  baseEjectionMs: milliseconds.default(HEALTH.baseEjectionMs),
  maxEjectionMs: milliseconds.default(HEALTH.maxEjectionMs),
  settleMs: millisecondsOrNone.default(HEALTH.settleMs),
  checkIntervalMs: milliseconds.default(HEALTH.checkIntervalMs),
  checkTimeoutMs: milliseconds.default(HEALTH.checkTimeoutMs),
  maxConcurrentChecks: z.int().positive().max(1_024).default(HEALTH.maxConcurrentChecks),
}) satisfies z.ZodType<TrafficOptions['health']>

const traffic = z
  .strictObject({
    listenPort: port.default(DEFAULT_TRAFFIC_OPTIONS.listenPort),
    originalDestination: z.enum(['auto', 'off']).default(DEFAULT_TRAFFIC_OPTIONS.originalDestination),
    relayEngine: z.enum(['auto', 'stream', 'handle', 'splice']).default(DEFAULT_TRAFFIC_OPTIONS.relayEngine),
    dialTimeoutMs: milliseconds.default(DEFAULT_TRAFFIC_OPTIONS.dialTimeoutMs),
    dialBudgetMs: milliseconds.default(DEFAULT_TRAFFIC_OPTIONS.dialBudgetMs),
    idleTimeoutMs: millisecondsOrNone.default(DEFAULT_TRAFFIC_OPTIONS.idleTimeoutMs),
    unknownTargetWaitMs: millisecondsOrNone.default(DEFAULT_TRAFFIC_OPTIONS.unknownTargetWaitMs),
    drainTimeoutMs: millisecondsOrNone.default(DEFAULT_TRAFFIC_OPTIONS.drainTimeoutMs),
    flowLogSampleRatio: z.number().min(0).max(1).default(DEFAULT_TRAFFIC_OPTIONS.flowLogSampleRatio),
    health: health.prefault({}),
    udp: udp.prefault({}),
  })
  .refine(({ dialTimeoutMs, dialBudgetMs }) => dialBudgetMs >= dialTimeoutMs, {
    path: ['dialBudgetMs'],
    message: 'expected at least dialTimeoutMs',
  }) satisfies z.ZodType<TrafficOptions>

const proxier = z.strictObject({
  backend: z.enum(['auto', 'nftables', 'iptables']).default(DEFAULT_PROXIER_OPTIONS.backend),
  failMode: z.enum(['closed', 'open']).default(DEFAULT_PROXIER_OPTIONS.failMode),
  kernelPath: z.enum(['auto', 'off']).default(DEFAULT_PROXIER_OPTIONS.kernelPath),
  nodePorts: z.enum(['auto', 'on', 'off']).default(DEFAULT_PROXIER_OPTIONS.nodePorts),
  syncDelayMs: millisecondsOrNone.default(DEFAULT_PROXIER_OPTIONS.syncDelayMs),
  resyncIntervalMs: milliseconds.default(DEFAULT_PROXIER_OPTIONS.resyncIntervalMs),
  maxSyncDelayMs: milliseconds.default(DEFAULT_PROXIER_OPTIONS.maxSyncDelayMs),
  maxRetryDelayMs: milliseconds.default(DEFAULT_PROXIER_OPTIONS.maxRetryDelayMs),
}) satisfies z.ZodType<ProxierOptions>

/** The config file of the edge agent. */
export const edgeAgentConfigSchema = z.strictObject({
  apiVersion: z.literal('edgeway.io/v1alpha1'),
  kind: z.literal('EdgeAgentConfiguration'),
  nodeName: z.string().min(1).exactOptional(),
  dataDir: z.string().startsWith('/', 'expected an absolute path').default('/var/lib/edgeway/agent'),
  groupId: z.int().positive().max(MAX_GROUP_ID).default(20_008),
  log: log.prefault({}),
  admin: admin.prefault({}),
  device: device.prefault({}),
  metadata: metadata.prefault({}),
  tunnel,
  dns: dns.prefault({}),
  traffic: traffic.prefault({}),
  proxier: proxier.prefault({}),
}) satisfies z.ZodType<RuntimeConfig>

export type EdgeAgentConfig = z.infer<typeof edgeAgentConfigSchema>

/** The node that this agent speaks for: as configured, else as its process knows it. */
export function nodeNameOf(config: EdgeAgentConfig, fallback: string): NodeName {
  return (config.nodeName ?? fallback) as NodeName
}

/** The source as configured, else the one that a pod has that is told so of its API server. */
export function metadataOptionsOf(
  { metadata, dataDir, dns: { clusterDomain } }: Pick<EdgeAgentConfig, 'metadata' | 'dataDir' | 'dns'>,
  apiServer: ApiServerAddress | undefined,
): MetadataOptions {
  const { source, ...rest } = { ...metadata, clusterDomain, storeFile: join(dataDir, 'edgeway.db') }
  if (source.kind === 'auto') return { ...rest, source: detectSource(apiServer) }
  return { ...rest, source: source.kind === 'apiserver' ? { ...source, apiServer } : source }
}

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

/** Credentials go to nobody in the clear. */
function isSecureWhereNeeded(source: MetadataSource | { readonly kind: 'auto' }): boolean {
  if (source.kind !== 'metaserver' || source.url.startsWith('https:')) return true
  return source.caFile === undefined && source.tokenFile === undefined
}
export function tunnelOptionsOf({ tunnel: options, dataDir }: EdgeAgentConfig): TunnelOptions {
  return { ...options, keyFile: join(dataDir, 'key') }
}
