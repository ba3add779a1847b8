import { type LabPod, type Mesh, namespaceObject, startHttpEcho } from '@edgeway/testbed'
import { startDatagramServer } from './datagrams.ts'

type ApiObject = ReturnType<typeof namespaceObject>

const NAMESPACE = 'shop'
const SERVICE = 'db'

/** Where each peer serves HTTP, and sends datagrams back. */
export const PEER_PORTS = { http: 8080, gossip: 7000 } as const

export interface Peer {
  /** Of the StatefulSet's pod; each life of it is another host of the lab. */
  readonly hostname: string
  readonly node: string
  readonly address: string
}

/** Pods of a StatefulSet with its headless Service, of which each answers by its own name. */
export class Peers {
  readonly #mesh: Mesh
  readonly #peers = new Map<string, Peer>()
  readonly #pods = new Map<string, LabPod>()

  constructor(mesh: Mesh) {
    this.#mesh = mesh
  }

  /** Starts the pods, and tells the cluster of the Service once all of them serve. */
  async start(peers: readonly Peer[]): Promise<void> {
    await this.#mesh.kubectl.apply(namespaceObject(NAMESPACE), serviceObject())
    await Promise.all(peers.map((peer) => this.#startPod(peer, peer.hostname)))
    await this.#tell()
  }

  /** The pod is gone, as far as the cluster knows; what ran in it goes on, and would answer whoever is led there. */
  async remove(hostname: string): Promise<void> {
    this.#peers.delete(hostname)
    await this.#tell()
  }

  /** Makes the pod anew, at another address. It answers by the name of its host in the lab. */
  async replace(peer: Peer, labName: string): Promise<void> {
    await this.#startPod(peer, labName)
    await this.#tell()
  }

  /** The latest pod of that name. */
  pod(hostname: string): LabPod {
    const pod = this.#pods.get(hostname)
    if (pod === undefined) throw new Error(`no peer "${hostname}"`)
    return pod
  }

  async #startPod(peer: Peer, labName: string): Promise<void> {
    const { hostname, node, address } = peer
    const pod = await this.#mesh.lab.addPod(node, { name: labName, namespace: NAMESPACE, address })
    await startHttpEcho(pod, { port: PEER_PORTS.http })
    await startDatagramServer(pod, PEER_PORTS.gossip)
    this.#peers.set(hostname, peer)
    this.#pods.set(hostname, pod)
  }

  async #tell(): Promise<void> {
    await this.#mesh.kubectl.apply(sliceObject([...this.#peers.values()]))
  }
}

/** The name of a peer, or of all of them, as pods ask for it. */
export function nameOfPeer(hostname?: string): string {
  const prefix = hostname === undefined ? '' : `${hostname}.`
  return `${prefix}${SERVICE}.${NAMESPACE}.svc.cluster.local`
}

/** The virtual ServicePort by which a far peer is called. */
export function virtualPortOf(hostname: string, port: keyof typeof PEER_PORTS): string {
  return `${NAMESPACE}/${SERVICE}:${port}@${hostname}`
}

function serviceObject(): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: NAMESPACE, name: SERVICE },
    spec: {
      clusterIP: 'None',
      ports: [
        { name: 'http', protocol: 'TCP', port: 80, targetPort: PEER_PORTS.http },
        { name: 'gossip', protocol: 'UDP', port: PEER_PORTS.gossip },
      ],
    },
  }
}

function sliceObject(peers: readonly Peer[]): ApiObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace: NAMESPACE,
      name: `${SERVICE}-1`,
      labels: { 'kubernetes.io/service-name': SERVICE },
    },
    addressType: 'IPv4',
    ports: [
      { name: 'http', protocol: 'TCP', port: PEER_PORTS.http },
      { name: 'gossip', protocol: 'UDP', port: PEER_PORTS.gossip },
    ],
    endpoints: peers.map(({ hostname, node, address }) => ({
      addresses: [address],
      conditions: { ready: true },
      hostname,
      nodeName: node,
      targetRef: { kind: 'Pod', namespace: NAMESPACE, name: hostname },
    })),
  }
}
