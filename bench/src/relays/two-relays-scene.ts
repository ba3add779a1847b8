import { setTimeout as delay } from 'node:timers/promises'
import {
  endpointSliceObject,
  Mesh,
  type MeshProcess,
  namespaceObject,
  nodeObject,
  type ServiceSpec,
  serviceObject,
  startTcpEcho,
  type Topology,
} from '@edgeway/testbed'
import { ECHO_PORT } from '../probes/latency.ts'
import { SteadyConnections } from '../probes/steady.ts'

const RELAYS = ['relay-1', 'relay-2']
const FAR: ServiceSpec = { namespace: 'bench', name: 'far', clusterIp: '10.96.0.32', port: ECHO_PORT }
const CLIENT = 'client'
const POD = 'far'
const POLL_MS = 50
const LOOK_MS = 500

/** A client and a server, each behind a NAT of its own that can't be punched together, with two relays between them. */
const TOPOLOGY: Topology = {
  cloud: [
    { name: 'cloud', address: '45.80.0.10', podSubnet: '10.244.0.0/24' },
    ...RELAYS.map((name, index) => ({ name, address: `45.80.0.${11 + index}` })),
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
          pods: [{ name: CLIENT, namespace: FAR.namespace, address: '10.244.1.10' }],
        },
      ],
    },
    {
      name: 'far-site',
      nat: 'symmetric',
      subnet: '192.168.2.0/24',
      nodes: [
        {
          name: 'edge-2',
          address: '192.168.2.10',
          podSubnet: '10.244.2.0/24',
          pods: [{ name: POD, namespace: FAR.namespace, address: '10.244.2.11' }],
        },
      ],
    },
  ],
}

/** A running mesh with two tunnel servers, an echo server at one site and a client at the other. */
export class TwoRelaysScene implements AsyncDisposable {
  readonly mesh: Mesh

  private constructor(mesh: Mesh) {
    this.mesh = mesh
  }

  static async start(onStep: (step: string) => void): Promise<TwoRelaysScene> {
    const options = {
      topology: TOPOLOGY,
      bystanders: RELAYS,
      servers: RELAYS,
      logLevel: 'info',
      onStep,
    } as const
    const mesh = await Mesh.start(options)
    try {
      const scene = new TwoRelaysScene(mesh)
      await scene.#serve()
      for (const node of scene.ends) await scene.untilSessions(node, RELAYS.length)
      return scene
    } catch (error) {
      await mesh[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Agents of client and server. */
  get ends(): readonly MeshProcess[] {
    return ['edge-1', 'edge-2'].map((name) => this.mesh.agent(name))
  }

  get client() {
    return this.mesh.lab.pod(CLIENT)
  }

  /** Of the server at the other site, by its Service. */
  get target() {
    return { ip: FAR.clusterIp, port: ECHO_PORT }
  }

  steadyConnections(): SteadyConnections {
    return new SteadyConnections(this.client, this.target.ip, this.target.port)
  }

  /**
   * The tunnel server that carries new connections at this moment; there must be some.
   *
   * @throws {Error} when none does
   */
  async relayInUse(): Promise<MeshProcess> {
    const before = await this.#relayed()
    await delay(LOOK_MS)
    const after = await this.#relayed()
    const grown = after.map((bytes, index) => bytes - (before[index] ?? 0))
    const most = Math.max(...grown)
    const [first, second = first] = this.mesh.servers
    if (most <= 0) throw new Error('no tunnel server relays anything')
    return grown[0] === most ? first : second
  }

  /**
   * Waits until an agent is joined to that many tunnel servers, with a reservation at each.
   *
   * @throws {Error} when it is not within a minute
   */
  async untilSessions(agent: MeshProcess, count: number): Promise<void> {
    const deadline = Date.now() + 60_000
    while ((await agent.metric('edgeway_tunnel_sessions')) !== count) {
      if (Date.now() > deadline)
        throw new Error(`${agent.host.name} is not joined to ${count} tunnel servers`)
      await delay(POLL_MS)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]()
  }

  async #serve(): Promise<void> {
    const { kubectl, lab } = this.mesh
    const pod = lab.pod(POD)
    await startTcpEcho(pod, { port: ECHO_PORT })
    await kubectl.apply(
      namespaceObject(FAR.namespace),
      ...['cloud', 'edge-1', 'edge-2'].map(nodeObject),
      serviceObject(FAR),
      endpointSliceObject(FAR, ECHO_PORT, [{ ip: pod.address, node: 'edge-2' }]),
    )
    await this.#untilServed()
  }

  /** Until both agents know of the Service, and a connection to it works. */
  async #untilServed(): Promise<void> {
    const deadline = Date.now() + 60_000
    const probe = `exec 3<>/dev/tcp/${FAR.clusterIp}/${ECHO_PORT} && echo x >&3 && read -t 2 -u 3 line`
    while ((await this.client.exec(['bash', '-c', probe])).code !== 0) {
      if (Date.now() > deadline) throw new Error('the Service of the far site does not answer')
      await delay(POLL_MS)
    }
  }

  async #relayed(): Promise<number[]> {
    return await Promise.all(
      this.mesh.servers.map((server) =>
        server.metric('edgeway_tunnel_server_relayed_bytes_total').catch(() => 0),
      ),
    )
  }
}
