import { type LabPod, type LabProcess, type Mesh, startDnsUpstream, startHttpEcho } from '@edgeway/testbed'

/** The ClusterIP that kubelets write into resolv.conf of pods. */
export const CLUSTER_DNS_IP = '10.96.0.10'
/** What the cluster's DNS of the lab says of every name it knows, unlike an agent. */
export const CLUSTER_DNS_ANSWER = '192.0.2.53'
export const METRICS_PORT = 9_153

const METADATA = { namespace: 'kube-system', name: 'kube-dns' }
const PORTS = [
  { name: 'dns', protocol: 'UDP', port: 53 },
  { name: 'dns-tcp', protocol: 'TCP', port: 53 },
  { name: 'metrics', protocol: 'TCP', port: METRICS_PORT },
]

/** The cluster's own DNS: a Service as kubeadm makes it, and the one pod behind it, in the cloud. */
export class ClusterDns {
  readonly #pod: LabPod
  readonly #server: LabProcess

  private constructor(pod: LabPod, server: LabProcess) {
    this.#pod = pod
    this.#server = server
  }

  /** @param names - those that it knows */
  static async start(mesh: Mesh, names: readonly string[]): Promise<ClusterDns> {
    const pod = await mesh.lab.addPod('cloud', { name: 'coredns', namespace: METADATA.namespace })
    const records = Object.fromEntries(names.map((name) => [name, [CLUSTER_DNS_ANSWER]]))
    const { process: server } = await startDnsUpstream(pod, records)
    await startHttpEcho(pod, { port: METRICS_PORT })
    return new ClusterDns(pod, server)
  }

  /** Its Service; other annotations or another ClusterIP, where they are given. */
  service(annotations: Readonly<Record<string, string>> = {}, clusterIp = CLUSTER_DNS_IP) {
    const metadata = { ...METADATA, annotations }
    return {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { clusterIP: clusterIp, clusterIPs: [clusterIp], ports: PORTS },
    }
  }

  endpoints() {
    return {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...METADATA, labels: { 'kubernetes.io/service-name': METADATA.name } },
      addressType: 'IPv4',
      ports: PORTS,
      endpoints: [
        { addresses: [this.#pod.address], conditions: { ready: true }, nodeName: this.#pod.node.name },
      ],
    }
  }

  /** Ends it without a word to the cluster. */
  async kill(): Promise<void> {
    this.#server.kill('SIGKILL')
    await this.#server.exited
  }
}
