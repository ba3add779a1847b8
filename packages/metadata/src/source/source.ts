import { type ClusterAccessOptions, clusterAccess } from '../kubernetes/cluster-access.ts'
import { credentialsFrom } from '../kubernetes/service-account.ts'
import { httpTransport, type Transport } from '../kubernetes/transport.ts'

/** Where the cluster's objects come from: KubeEdge's local API server, or the cluster's own. */
export type MetadataSource = MetaServerSource | ApiServerSource

export interface MetaServerSource {
  readonly kind: 'metaserver'
  /** `https:` for its secure mode (feature gate `requireAuthorization`). */
  readonly url: string
  /** Certificates (PEM) that sign the server's; of `https:` only. Without, those that Node trusts. */
  readonly caFile?: string
  /** A service account's token, read anew for each request; of `https:` only. */
  readonly tokenFile?: string
}

export interface ApiServerSource extends ClusterAccessOptions {
  readonly kind: 'apiserver'
}

/** A source that can be asked, and what it is able to. */
export interface Source {
  readonly config: MetadataSource
  readonly transport: Transport
  /**
   * Objects in one answer of a LIST; `undefined`: all in one. MetaServer forwards pages while the cloud answers and
   * ignores them when it does not: a list could begin as the cluster's and end as the node's own.
   */
  readonly pageSize: number | undefined
  /** Whether a WATCH may ask for bookmarks; MetaServer has none. */
  readonly hasBookmarks: boolean
  /** Whether a WATCH of what can't be listed does harm: it ends KubeEdge's cloudcore, or blocks it for all nodes. */
  readonly isHarmedByWatches: boolean
}

const PAGE_SIZE = 500

/** @throws {SourceError} when the URL is none, or the kubeconfig can't be used */
export async function openSource(source: MetadataSource): Promise<Source> {
  if (source.kind === 'metaserver') {
    const transport = httpTransport(source.url, credentialsFrom(source))
    return { config: source, transport, pageSize: undefined, hasBookmarks: false, isHarmedByWatches: true }
  }
  const { transport } = await clusterAccess(source)
  return { config: source, transport, pageSize: PAGE_SIZE, hasBookmarks: true, isHarmedByWatches: false }
}
