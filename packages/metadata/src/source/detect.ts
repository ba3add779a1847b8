import type { ApiServerAddress } from '../kubernetes/cluster-access.ts'
import { SERVICE_ACCOUNT } from '../kubernetes/service-account.ts'
import type { MetadataSource } from './source.ts'

/** Where MetaServer listens in its plain mode. */
const LOCAL_URL = 'http://127.0.0.1:10550'
/** Where MetaServer listens for pods in its secure mode, which they are told of as their API server. */
const DUMMY_HOST = '169.254.30.10'

/**
 * The source that a pod has: KubeEdge tells those on edge nodes of an API server only where MetaServer runs in its
 * secure mode, and that is MetaServer; in its plain mode it listens on loopback and nobody is told.
 */
export function detectSource(apiServer: ApiServerAddress | undefined): MetadataSource {
  if (apiServer === undefined) return { kind: 'metaserver', url: LOCAL_URL }
  const { host, port } = apiServer
  if (host !== DUMMY_HOST) return { kind: 'apiserver', apiServer }
  const { caFile, tokenFile } = SERVICE_ACCOUNT
  return { kind: 'metaserver', url: `https://${host}:${port}`, caFile, tokenFile }
}
