import { join } from 'node:path'
import { LOG_LEVELS, type NodeName } from '@edgeway/core'
import type { DnsOptions } from '@edgeway/dns'
import { type ApiServerAddress, detectSource, type MetadataOptions } from '@edgeway/metadata'
import type { RuntimeConfig } from '@edgeway/runtime'
import type { TunnelOptions } from '@edgeway/tunnel'
import { z } from 'zod'
import { dns } from './dns-config.ts'
import { port } from './fields.ts'
import { metadata } from './metadata-config.ts'
import { device, proxier } from './proxier-config.ts'
import { traffic } from './traffic-config.ts'
import { tunnel } from './tunnel-config.ts'

// What each field means stands in config.example.yaml; a test keeps the two alike.

/** The highest one that setegid(2) takes. */
const MAX_GROUP_ID = 2 ** 32 - 2

const log = z.strictObject({ level: z.enum(LOG_LEVELS).default('info') })

const admin = z.strictObject({
  host: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
  port: port.default(20_009),
})

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

/** With `auto` the cluster's DNS is answered for where it may be out of reach: at the edge, which MetaServer tells of. */
export function dnsOptionsOf(
  { dns }: Pick<EdgeAgentConfig, 'dns'>,
  { source }: Pick<MetadataOptions, 'source'>,
): DnsOptions {
  const isAtEdge = source.kind === 'metaserver'
  const wish = dns.clusterDns.intercept
  return { ...dns, clusterDns: { ...dns.clusterDns, intercept: wish === 'auto' ? isAtEdge : wish === 'on' } }
}

/** With the key, and what is known of the cluster, in the data directory. */
export function tunnelOptionsOf({ tunnel: options, dataDir }: EdgeAgentConfig): TunnelOptions {
  return { ...options, keyFile: join(dataDir, 'key'), dataDir }
}
