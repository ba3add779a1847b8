import { isIPv6 } from 'node:net'
import { SourceError } from '../errors.ts'
import { credentialsFrom, readCredential, SERVICE_ACCOUNT } from './service-account.ts'
import { httpTransport, type WritingTransport } from './transport.ts'

/** What a pod is told of its API server. */
export interface ApiServerAddress {
  readonly host: string
  readonly port: string
}

export interface ClusterAccessOptions {
  /** A kubeconfig file; without it, the pod's own service account. */
  readonly kubeconfig?: string
  /** One of the file's contexts; its current one unless given. */
  readonly context?: string
  /** For the service account; `undefined` where this is no pod. */
  readonly apiServer?: ApiServerAddress | undefined
}

/** An API server, and the namespace that is meant where none is named. */
export interface ClusterAccess {
  readonly transport: WritingTransport
  readonly namespace: string
}

/**
 * Access to the API server that a kubeconfig names, with its certificates and tokens, or to the cluster's own as the
 * service account of this pod.
 *
 * @throws {SourceError} when it can't be had, with the reason
 */
export async function clusterAccess(options: ClusterAccessOptions): Promise<ClusterAccess> {
  const { kubeconfig, context, apiServer } = options
  if (kubeconfig !== undefined) return await accessByKubeconfig(kubeconfig, context)
  if (apiServer !== undefined) return await accessByServiceAccount(apiServer)
  throw new SourceError('this is no pod of a cluster (KUBERNETES_SERVICE_HOST is not set): name a kubeconfig')
}

async function accessByServiceAccount({ host, port }: ApiServerAddress): Promise<ClusterAccess> {
  const url = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`
  return {
    transport: httpTransport(url, credentialsFrom(SERVICE_ACCOUNT)),
    namespace: await readCredential(SERVICE_ACCOUNT.namespaceFile),
  }
}

async function accessByKubeconfig(file: string, context: string | undefined): Promise<ClusterAccess> {
  // Loaded only by those who need it: it occupies 70 MB.
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  try {
    config.loadFromFile(file)
    if (context !== undefined) config.setCurrentContext(context)
  } catch (error) {
    // The first line only, and no cause: the parser goes on with a piece of the file, which has credentials.
    const [why] = String(error).split('\n', 1)
    throw new SourceError(`${file} can't be used: ${why}`)
  }
  const server = config.getCurrentCluster()?.server
  if (server === undefined) throw new SourceError(`${file} names no server for its context`)
  const transport = httpTransport(server, async () => {
    const settings = {}
    await config.applyToHTTPSOptions(settings)
    return settings
  })
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default'
  return { transport, namespace }
}
