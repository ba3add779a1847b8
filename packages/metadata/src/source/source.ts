import { readFile } from 'node:fs/promises'
import { SourceError } from '../errors.ts'
import { clusterAccess } from '../kubernetes/cluster-access.ts'
import { httpTransport, type RequestSettings, type Transport } from '../kubernetes/transport.ts'

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

export interface ApiServerSource {
  readonly kind: 'apiserver'
  /** A kubeconfig file; without it, the pod's own service account. */
  readonly kubeconfig?: string
  /** One of the file's contexts; its current one unless given. */
  readonly context?: string
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
}

const PAGE_SIZE = 500

/** @throws {SourceError} when the URL is none, or the kubeconfig can't be used */
export async function openSource(source: MetadataSource): Promise<Source> {
  if (source.kind === 'metaserver') {
    const transport = httpTransport(source.url, secureSettings(source))
    return { config: source, transport, pageSize: undefined, hasBookmarks: false }
  }
  const { transport } = await clusterAccess(source)
  return { config: source, transport, pageSize: PAGE_SIZE, hasBookmarks: true }
}

/** Files are read for each request: certificates and tokens are renewed while the agent runs. */
function secureSettings({ caFile, tokenFile }: MetaServerSource): RequestSettings {
  return async () => ({
    ...(caFile === undefined ? {} : { ca: await read('caFile', caFile) }),
    ...(tokenFile === undefined
      ? {}
      : { headers: { authorization: `Bearer ${(await read('tokenFile', tokenFile)).trim()}` } }),
  })
}

async function read(field: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new SourceError(`${field} can't be read: ${cause instanceof Error ? cause.message : cause}`)
  }
}
