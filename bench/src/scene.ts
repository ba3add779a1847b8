import { type LabProcess, Mesh, namespaceObject, nodeObject, type Topology } from '@edgeway/testbed'
import { addDnat, DNAT_ADDRESS } from './peers/dnat.ts'
import { startHaproxy } from './peers/haproxy.ts'
import { startServers } from './peers/servers.ts'
import { BENCH, objectsOf } from './service-objects.ts'

/** The Service of the pod on the client's own node, and that of the pod on the other site. */
const NEAR = { name: 'near', clusterIp: '10.96.0.31', pod: 'near', node: 'edge-1', annotations: {} } as const
/** The same pod, but never by the kernel alone. */
const NEAR_AGENT = {
  ...NEAR,
  name: 'near-agent',
  clusterIp: '10.96.0.33',
  annotations: { 'edgeway.io/forwarding': 'agent' },
} as const
const FAR = { name: 'far', clusterIp: '10.96.0.32', pod: 'far', node: 'edge-2', annotations: {} } as const
const RESOLVER = 'resolver'
const FAR_NODE_ADDRESS = '192.168.2.10'

/**
 * Two sites. Behind the first one's NAT is the client. The second one is routed, so that reference peers can reach it
 * without a mesh; edgeway doesn't use that: private addresses are not dialled.
 */
export const SCENE_TOPOLOGY: Topology = {
  cloud: [
    { name: 'cloud', address: '45.80.0.10', podSubnet: '10.244.0.0/24' },
    { name: RESOLVER, address: '45.80.0.53' },
  ],
  sites: [
    {
      name: 'near-site',
      nat: 'endpoint-independent',
      subnet: '192.168.1.0/24',
      nodes: [
        {
          name: 'edge-1',
          address: '192.168.1.10',
          podSubnet: '10.244.1.0/24',
          pods: [
            { name: 'client', namespace: BENCH, address: '10.244.1.10' },
            { name: NEAR.pod, namespace: BENCH, address: '10.244.1.11' },
          ],
        },
      ],
    },
    {
      name: 'far-site',
      nat: 'none',
      subnet: '192.168.2.0/24',
      nodes: [
        {
          name: 'edge-2',
          address: FAR_NODE_ADDRESS,
          podSubnet: '10.244.2.0/24',
          pods: [{ name: FAR.pod, namespace: BENCH, address: '10.244.2.11' }],
        },
      ],
    },
  ],
}

/** One way from the client to a server; all serve the same ports. */
export interface Contender {
  readonly name:
    | 'edgeway'
    | 'edgeway AGENT'
    | 'edgeway L4'
    | 'direct'
    | 'kernel DNAT'
    | 'haproxy'
    | 'nginx'
    | 'dnsmasq'
    | 'unbound'
  readonly ip: string
  /** Processes that carry its bytes, for CPU figures. */
  readonly pids: readonly number[]
}

/** Ours and those that it is compared with. */
export interface Ways {
  readonly ours: Contender
  readonly references: readonly Contender[]
}

/** A running mesh with servers on both sites and reference peers beside it. */
export class Scene implements AsyncDisposable {
  readonly mesh: Mesh
  readonly #haproxies: Readonly<Record<'near' | 'far', LabProcess>>

  private constructor(mesh: Mesh, haproxies: Readonly<Record<'near' | 'far', LabProcess>>) {
    this.mesh = mesh
    this.#haproxies = haproxies
  }

  static async start(onStep: (step: string) => void): Promise<Scene> {
    const mesh = await Mesh.start({
      topology: SCENE_TOPOLOGY,
      bystanders: [RESOLVER],
      logLevel: 'info',
      onStep,
    })
    try {
      const { lab } = mesh
      await mesh.kubectl.apply(namespaceObject(BENCH), ...['cloud', 'edge-1', 'edge-2'].map(nodeObject))
      await mesh.kubectl.apply(
        ...[NEAR, NEAR_AGENT, FAR].flatMap((service) => objectsOf(service, lab.pod(service.pod).address)),
      )
      onStep('starting servers and reference peers')
      await Promise.all(
        [lab.pod(NEAR.pod), lab.pod(FAR.pod), lab.node('edge-2')].map((host) => startServers(lab, host)),
      )
      await addDnat(lab.node('edge-1'), lab.pod(NEAR.pod).address)
      return new Scene(mesh, {
        near: await startHaproxy(lab, lab.node('edge-1'), lab.pod(NEAR.pod).address),
        far: await startHaproxy(lab, lab.node('cloud'), FAR_NODE_ADDRESS),
      })
    } catch (error) {
      await mesh[Symbol.asyncDispose]()
      throw error
    }
  }

  /** The Service of the pod on the client's own node. */
  get near() {
    return { dnsName: `${NEAR.name}.${BENCH}.svc.cluster.local`, clusterIp: NEAR.clusterIp }
  }

  /** To the pod on the client's own node, through the agent. */
  waysToNear(): Ways {
    return { ours: { ...this.#throughAgent(), name: 'edgeway' }, references: this.#othersToNear() }
  }

  /**
   * To the same pod by the kernel's rules alone; one of its references is the way through the agent. Ours has the agent's
   * process all the same: it should have nothing to do.
   */
  waysToNearInKernel(): Ways {
    const throughAgent = this.#throughAgent()
    return {
      ours: { name: 'edgeway', ip: NEAR.clusterIp, pids: throughAgent.pids },
      references: [...this.#othersToNear(), throughAgent],
    }
  }

  #throughAgent(): Contender {
    return { name: 'edgeway AGENT', ip: NEAR_AGENT.clusterIp, pids: [this.mesh.agent('edge-1').pid] }
  }

  #othersToNear(): readonly Contender[] {
    const { lab } = this.mesh
    return [
      { name: 'direct', ip: lab.pod(NEAR.pod).address, pids: [] },
      { name: 'kernel DNAT', ip: DNAT_ADDRESS, pids: [] },
      { name: 'haproxy', ip: lab.node('edge-1').innerAddress ?? '', pids: [this.#haproxies.near.pid] },
    ]
  }

  /** To the other site: through the tunnel server, by plain routing, and through haproxy in the cloud. */
  waysToFar(): Ways {
    const { mesh } = this
    const pids = [mesh.agent('edge-1').pid, mesh.agent('edge-2').pid, mesh.server.pid]
    return {
      ours: { name: 'edgeway', ip: FAR.clusterIp, pids },
      references: [
        { name: 'direct', ip: FAR_NODE_ADDRESS, pids: [] },
        { name: 'haproxy', ip: mesh.lab.node('cloud').address, pids: [this.#haproxies.far.pid] },
      ],
    }
  }

  /** @throws {Error} when a flow to the other site took another path: its figures would be those of that one */
  async mustHaveRelayed(): Promise<void> {
    const agent = this.mesh.agent('edge-1')
    const flows = (path: string): Promise<number> =>
      agent.metric('edgeway_traffic_flows_total', { direction: 'outbound', path })
    if ((await flows('relayed')) === 0) throw new Error('no flow was relayed')
    for (const path of ['routed', 'lan', 'direct', 'punched'])
      if ((await flows(path)) > 0) throw new Error(`flows to the other site were ${path}, not relayed`)
  }

  /** @throws {Error} when the agent had nothing to do with flows to the near pod */
  async mustHaveForwarded(): Promise<void> {
    const labels = { direction: 'outbound', path: 'local' }
    if ((await this.mesh.agent('edge-1').metric('edgeway_traffic_flows_total', labels)) === 0)
      throw new Error('no flow to the near pod went through the agent')
  }

  /** Bytes of ended flows that the agent of the client's node carried itself so far, both ways together. */
  bytesForwarded(): Promise<number> {
    return this.mesh.agent('edge-1').metric('edgeway_traffic_bytes_total')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]()
  }
}
