import { SourceError } from '../errors.ts'
import { httpTransport, type WritingTransport } from './transport.ts'

export interface KubeconfigSource {
  /** A kubeconfig file; without it, the pod's own service account. */
  readonly kubeconfig?: string
  /** One of the file's contexts; its current one unless given. */
  readonly context?: string
}

/** An API server, and the namespace that is meant where none is named. */
export interface ClusterAccess {
  readonly transport: WritingTransport
  readonly namespace: string
}

/**
 * Access to the API server that a kubeconfig names, with its certificates and tokens.
 *
 * @throws {SourceError} when the kubeconfig can't be used, with the reason
 */
export async function clusterAccess(source: KubeconfigSource): Promise<ClusterAccess> {
  // Loaded only by those who need it: it costs tens of megabytes.
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  try {
    if (source.kubeconfig === undefined) config.loadFromCluster()
    else config.loadFromFile(source.kubeconfig)
    if (source.context !== undefined) config.setCurrentContext(source.context)
  } catch (error) {
    const what = source.kubeconfig ?? 'the service account of the pod'
    // The first line only, and no cause: the parser goes on with a piece of the file, which has credentials.
    const [why] = String(error).split('\n', 1)
    throw new SourceError(`${what} can't be used: ${why}`)
  }
  const server = config.getCurrentCluster()?.server
  if (server === undefined) throw new SourceError(`${source.kubeconfig} names no server for its context`)
  if (source.kubeconfig === undefined && !URL.canParse(server))
    throw new SourceError(
      'this is no pod of a cluster (KUBERNETES_SERVICE_HOST is not set): name a kubeconfig',
    )
  const transport = httpTransport(server, async () => {
    const settings = {}
    await config.applyToHTTPSOptions(settings)
    return settings
  })
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default'
  return { transport, namespace }
}
