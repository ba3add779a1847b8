import { setTimeout as delay } from 'node:timers/promises'
import {
  endpointSliceObject,
  type LabPod,
  type LogEntry,
  Mesh,
  type MeshProcess,
  namespaceObject,
  nodeObject,
  roundTrip,
  serviceObject,
  startTcpEcho,
  type Topology,
} from '@edgeway/testbed'
import { ECHO_PORT } from '../probes/latency.ts'
import { SteadyConnections } from '../probes/steady.ts'
import { SteadyFlow } from '../probes/steady-flow.ts'
import { BENCH as NAMESPACE } from '../service-objects.ts'

/** A node that is called, and the best path to it. */
export interface Peer {
  readonly node: string
  readonly path: 'lan' | 'punched'
  readonly site: string
  /** Of the node, and another one that it may have. */
  readonly addresses: readonly [string, string]
  readonly service: string
  readonly clusterIp: string
  readonly podAddress: string
}

export const CALLER = { node: 'edge-1', address: '192.168.1.10', site: 'near-site' } as const
/** On the LAN of the caller. */
export const NEIGHBOUR: Peer = {
  ...{ node: 'edge-3', path: 'lan', site: CALLER.site, addresses: ['192.168.1.30', '192.168.1.31'] },
  ...{ service: 'near', clusterIp: '10.96.0.31', podAddress: '10.244.3.11' },
}
/** Behind another NAT. */
export const FAR: Peer = {
  ...{ node: 'edge-2', path: 'punched', site: 'far-site', addresses: ['192.168.2.10', '192.168.2.11'] },
  ...{ service: 'far', clusterIp: '10.96.0.32', podAddress: '10.244.2.11' },
}
const PEERS = [NEIGHBOUR, FAR]

const RELAYS = ['relay-1', 'relay-2']
const CLIENT = 'client'
const POLL_MS = 100
const UNTIL_MS = 60_000

const TOPOLOGY: Topology = {
  cloud: [
    { name: 'cloud', address: '45.80.0.10', podSubnet: '10.244.0.0/24' },
    ...RELAYS.map((name, index) => ({ name, address: `45.80.0.${11 + index}` })),
  ],
  sites: [
    {
      name: CALLER.site,
      nat: 'endpoint-independent',
      subnet: '192.168.1.0/24',
      nodes: [
        {
          ...{ name: CALLER.node, address: CALLER.address, podSubnet: '10.244.1.0/24' },
          pods: [{ name: CLIENT, namespace: NAMESPACE, address: '10.244.1.10' }],
        },
        calledNode(NEIGHBOUR, '10.244.3.0/24'),
      ],
    },
    {
      name: FAR.site,
      nat: 'endpoint-independent',
      subnet: '192.168.2.0/24',
      nodes: [calledNode(FAR, '10.244.2.0/24')],
    },
  ],
}

/** A change of the path that new flows from the caller to a peer take. */
export interface PathChange {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly from: string
  readonly to: string
}

/** A running mesh with two tunnel servers: a caller, a neighbour on its LAN, and a node at another site. */
export class ThreeNodesScene implements AsyncDisposable {
  readonly mesh: Mesh

  private constructor(mesh: Mesh) {
    this.mesh = mesh
  }

  /** @throws {Error} when flows do not take the best paths within a minute */
  static async start(onStep: (step: string) => void): Promise<ThreeNodesScene> {
    const options = { topology: TOPOLOGY, bystanders: RELAYS, servers: RELAYS, onStep } as const
    const mesh = await Mesh.start({ ...options, logLevel: 'info' })
    try {
      const scene = new ThreeNodesScene(mesh)
      await scene.#serve()
      for (const peer of PEERS) {
        onStep(`waiting until calls to ${peer.node} go by the ${peer.path} path`)
        await scene.untilBestPath(peer)
      }
      return scene
    } catch (error) {
      await mesh[Symbol.asyncDispose]()
      throw error
    }
  }

  get caller(): MeshProcess {
    return this.mesh.agent(CALLER.node)
  }

  steadyConnections(peer: Peer): SteadyConnections {
    return new SteadyConnections(this.#client, peer.clusterIp, ECHO_PORT)
  }

  openFlow(peer: Peer): Promise<SteadyFlow> {
    return SteadyFlow.open(this.#client, { ip: peer.clusterIp, port: ECHO_PORT })
  }

  /** Between the two sites, half of it at each one's link: what goes over a relay takes as long. */
  async emulateWan(roundTripMs: number): Promise<AsyncDisposable> {
    const links = new AsyncDisposableStack()
    if (roundTripMs === 0) return links
    for (const { site } of [CALLER, FAR])
      links.use(await this.mesh.lab.emulateWan(this.mesh.lab.router(site), roundTrip(roundTripMs / 2)))
    return links
  }

  /** Waits until new calls take a peer's best path, and calls it meanwhile. */
  async untilBestPath(peer: Peer): Promise<void> {
    const deadline = Date.now() + UNTIL_MS
    const call = `exec 3<>/dev/tcp/${peer.clusterIp}/${ECHO_PORT} && echo x >&3 && read -t 2 -u 3 line`
    for (;;) {
      const { code } = await this.#client.exec(['timeout', '5', 'bash', '-c', call])
      if (code === 0 && (await this.#pathTo(peer)) === peer.path) return
      if (Date.now() > deadline) throw new Error(`calls to ${peer.node} do not go by its ${peer.path} path`)
      await delay(POLL_MS)
    }
  }

  /** Waits until an agent has a reservation at each tunnel server. */
  async untilJoined(agent: MeshProcess): Promise<void> {
    const deadline = Date.now() + UNTIL_MS
    while ((await agent.metric('edgeway_tunnel_sessions')) !== RELAYS.length) {
      if (Date.now() > deadline) throw new Error(`${agent.host.name} is not joined to all tunnel servers`)
      await delay(POLL_MS)
    }
  }

  /** Changes of the path to a peer since that moment, in milliseconds since 1970, as the caller's log has them. */
  async changesSince(peer: Peer, since: number): Promise<readonly PathChange[]> {
    const entries = await this.caller.log.entries()
    return entries.flatMap((entry) => changeOf(entry, peer) ?? []).filter(({ at }) => at >= since)
  }

  /** The first such change since then, waited for; `undefined` when it does not come in time. */
  async changeTo(
    path: string,
    { peer, since, withinMs }: { readonly peer: Peer; readonly since: number; readonly withinMs: number },
  ): Promise<PathChange | undefined> {
    const deadline = Date.now() + withinMs
    for (;;) {
      const found = (await this.changesSince(peer, since)).find(({ to }) => to === path)
      if (found !== undefined || Date.now() > deadline) return found
      await delay(POLL_MS)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]()
  }

  get #client(): LabPod {
    return this.mesh.lab.pod(CLIENT)
  }

  async #pathTo({ node }: Peer): Promise<string | null | undefined> {
    const status = JSON.parse(await this.caller.admin('/statusz')) as PathsStatus
    return status.tunnel.paths.find((path) => path.node === node)?.path
  }

  async #serve(): Promise<void> {
    const { kubectl, lab, agents } = this.mesh
    await kubectl.apply(namespaceObject(NAMESPACE), ...agents.map(({ host }) => nodeObject(host.name)))
    for (const { service, clusterIp, node } of PEERS) {
      const pod = lab.pod(service)
      await startTcpEcho(pod, { port: ECHO_PORT })
      const spec = { namespace: NAMESPACE, name: service, clusterIp, port: ECHO_PORT }
      await kubectl.apply(
        serviceObject(spec),
        endpointSliceObject(spec, ECHO_PORT, [{ ip: pod.address, node }]),
      )
    }
    for (const agent of agents) await this.untilJoined(agent)
  }
}

interface PathsStatus {
  readonly tunnel: { readonly paths: readonly { readonly node: string; readonly path: string | null }[] }
}

function calledNode({ node, addresses, service, podAddress }: Peer, podSubnet: string) {
  const pods = [{ name: service, namespace: NAMESPACE, address: podAddress }]
  return { name: node, address: addresses[0], podSubnet, pods }
}

function changeOf({ message, time, ...fields }: LogEntry, { node }: Peer): PathChange | undefined {
  if (message !== 'new flows to a node take another path' || fields['node'] !== node) return undefined
  return { at: Date.parse(time), from: String(fields['from']), to: String(fields['to']) }
}
