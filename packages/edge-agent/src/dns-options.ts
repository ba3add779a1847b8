import type { DnsOptions } from '@edgeway/dns'
import type { MetadataOptions } from '@edgeway/metadata'
import type { EdgeAgentConfig } from './config.ts'

/** With `auto` the cluster's DNS is answered for where it may be out of reach: at the edge, which MetaServer tells of. */
export function dnsOptionsOf(
  { dns }: Pick<EdgeAgentConfig, 'dns'>,
  { source }: Pick<MetadataOptions, 'source'>,
): DnsOptions {
  const isAtEdge = source.kind === 'metaserver'
  const wish = dns.clusterDns.intercept
  return { ...dns, clusterDns: { ...dns.clusterDns, intercept: wish === 'auto' ? isAtEdge : wish === 'on' } }
}
