import type { DnsOptions } from '@edgeway/dns'
import type { MetadataOptions } from '@edgeway/metadata'
import type { EdgeAgentConfig } from './config.ts'

/** With `auto` the cluster's DNS is answered for where it may be out of reach: at the edge, which MetaServer tells of. */
export function dnsOptionsOf(
  { dns: { interceptClusterDns, ...options } }: Pick<EdgeAgentConfig, 'dns'>,
  { source }: Pick<MetadataOptions, 'source'>,
): DnsOptions {
  const isAtEdge = source.kind === 'metaserver'
  return {
    ...options,
    interceptClusterDns: interceptClusterDns === 'auto' ? isAtEdge : interceptClusterDns === 'on',
  }
}
