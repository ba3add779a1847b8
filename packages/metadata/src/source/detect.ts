import type { MetadataSource } from './source.ts'

/** What a pod is told of its API server, as host and port. */
export interface ApiServerAddress {
  readonly host: string
  readonly port: string
}

/** Where MetaServer listens in its plain mode. */
export const LOCAL_URL = 'http://127.0.0.1:10550'
/** Where MetaServer listens for pods in its secure mode, which they are told of as their API server. */
const DUMMY_HOST = '169.254.30.10'
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * The source that a pod has: KubeEdge tells those on edge nodes of an API server only where MetaServer runs in its
 * secure mode, and that is MetaServer; in its plain mode it listens on loopback and nobody is told.
 */
export function detectSource(apiServer: ApiServerAddress | undefined): MetadataSource {
  if (apiServer === undefined) return { kind: 'metaserver', url: LOCAL_URL }
  const { host, port } = apiServer
  if (host !== DUMMY_HOST) return { kind: 'apiserver' }
  return {
    kind: 'metaserver',
    url: `https://${host}:${port}`,
    caFile: `${SERVICE_ACCOUNT}/ca.crt`,
    tokenFile: `${SERVICE_ACCOUNT}/token`,
  }
}
