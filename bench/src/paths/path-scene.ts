import { setTimeout as delay } from 'node:timers/promises'
import { type Lab, type LabProcess, Mesh, namespaceObject, nodeObject, type SiteSpec } from '@edgeway/testbed'
import { addDnat, DNAT_ADDRESS } from '../peers/dnat.ts'
import { startHaproxy } from '../peers/haproxy.ts'
import { PORTS, startServers } from '../peers/servers.ts'
import type { Ways } from '../scene.ts'
import { BENCH, type MeasuredService, objectsOf } from '../service-objects.ts'

/** Two edge nodes, and the path that flows between them are to take. */
export interface PathSpec {
  readonly path: 'lan' | 'direct' | 'punched'
  /** Of both nodes, see `nodeOf`. */
  readonly sites: readonly SiteSpec[]
  /** Lets the client's node reach the server's without a mesh, for the references; @returns the address for that */
  readonly openDirect: (lab: Lab) => Promise<string>
}

export const [CLIENT_NODE, SERVER_NODE] = ['edge-1', 'edge-2'] as const

const RESOLVER = 'resolver'
const CLIENT = 'client'
const SERVICE: MeasuredService = { name: 'far', clusterIp: '10.96.0.32', node: SERVER_NODE }
const PATHS = ['local', 'routed', 'lan', 'direct', 'punched', 'relayed'] as const
const UNTIL_PATH_MS = 60_000
const POLL_MS = 100

/** One of the two nodes, with its pod: the client on the one, what is measured on the other. */
export function nodeOf(name: typeof CLIENT_NODE | typeof SERVER_NODE, address: string): SiteSpec['nodes'][0] {
  const isClient = name === CLIENT_NODE
  const [podSubnet, podAddress] = isClient
    ? ['10.244.1.0/24', '10.244.1.10']
    : ['10.244.2.0/24', '10.244.2.11']
  const pod = { name: isClient ? CLIENT : SERVICE.name, namespace: BENCH, address: podAddress }
  return { name, address, podSubnet, pods: [pod] }
}

/** A running mesh whose flows from the client to the server take that path, with reference peers beside it. */
export class PathScene implements AsyncDisposable {
  readonly mesh: Mesh
  readonly #path: PathSpec['path']
  readonly #directAddress: string
  readonly #haproxy: LabProcess
  /** Flows by other paths, from before the one was there. */
  readonly #others: number

  private constructor(
    mesh: Mesh,
    path: PathSpec['path'],
    peers: { readonly directAddress: string; readonly haproxy: LabProcess; readonly others: number },
  ) {
    this.mesh = mesh
    this.#path = path
    this.#directAddress = peers.directAddress
    this.#haproxy = peers.haproxy
    this.#others = peers.others
  }

  /** @throws {Error} when flows take another path for a minute */
  static async start(
    { path, sites, openDirect }: PathSpec,
    onStep: (step: string) => void,
  ): Promise<PathScene> {
    const cloud = [
      { name: 'cloud', address: '45.80.0.10', podSubnet: '10.244.0.0/24' },
      { name: RESOLVER, address: '45.80.0.53' },
    ]
    const topology = { cloud, sites }
    const mesh = await Mesh.start({ topology, bystanders: [RESOLVER], logLevel: 'info', onStep })
    try {
      const { lab, kubectl } = mesh
      const pod = lab.pod(SERVICE.name)
      await kubectl.apply(namespaceObject(BENCH), ...['cloud', CLIENT_NODE, SERVER_NODE].map(nodeObject))
      await kubectl.apply(...objectsOf(SERVICE, pod.address))
      onStep('starting servers and reference peers')
      await Promise.all([pod, lab.node(SERVER_NODE)].map((host) => startServers(lab, host)))
      const directAddress = await openDirect(lab)
      await addDnat(lab.node(CLIENT_NODE), directAddress)
      const haproxy = await startHaproxy(lab, lab.node(CLIENT_NODE), directAddress)
      onStep(`waiting until flows are ${path}`)
      await untilPath(mesh, path)
      const others = await flowsBesides(mesh, path)
      return new PathScene(mesh, path, { directAddress, haproxy, others })
    } catch (error) {
      await mesh[Symbol.asyncDispose]()
      throw error
    }
  }

  get client() {
    return this.mesh.lab.pod(CLIENT)
  }

  /** Through both agents; by plain TCP, by DNAT in the kernel of the client's node and through a haproxy on it. */
  get ways(): Ways {
    const { mesh } = this
    return {
      ours: {
        name: 'edgeway',
        ip: SERVICE.clusterIp,
        pids: [mesh.agent(CLIENT_NODE).pid, mesh.agent(SERVER_NODE).pid],
      },
      references: [
        { name: 'direct', ip: this.#directAddress, pids: [] },
        { name: 'kernel DNAT', ip: DNAT_ADDRESS, pids: [] },
        {
          name: 'haproxy',
          ip: mesh.lab.node(CLIENT_NODE).innerAddress ?? '',
          pids: [this.#haproxy.pid],
        },
      ],
    }
  }

  /** @throws {Error} when a flow took another path since the scene was there: its figures would be those of that one */
  async mustHaveKeptPath(): Promise<void> {
    const others = (await flowsBesides(this.mesh, this.#path)) - this.#others
    if (others > 0) throw new Error(`${others} flows were not ${this.#path}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]()
  }
}

async function untilPath(mesh: Mesh, path: PathSpec['path']): Promise<void> {
  const deadline = Date.now() + UNTIL_PATH_MS
  const url = `http://${SERVICE.clusterIp}:${PORTS.http}/`
  while ((await flowsBy(mesh, path)) === 0) {
    if (Date.now() > deadline) throw new Error(`no flow to the other node is ${path}`)
    await mesh.lab.pod(CLIENT).exec(['curl', '-s', '-o', '/dev/null', '--max-time', '5', url])
    await delay(POLL_MS)
  }
}

async function flowsBesides(mesh: Mesh, path: PathSpec['path']): Promise<number> {
  const counts = await Promise.all(
    PATHS.filter((other) => other !== path).map((other) => flowsBy(mesh, other)),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

function flowsBy(mesh: Mesh, path: string): Promise<number> {
  return mesh.agent(CLIENT_NODE).metric('edgeway_traffic_flows_total', { direction: 'outbound', path })
}
