import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LabError } from '../lab/errors.ts'
import { Lab } from '../lab/lab.ts'
import type { LabHost } from '../lab/lab-host.ts'
import type { Topology } from '../lab/topology.ts'
import { ClusterApi } from './cluster-api.ts'
import { MeshProcess } from './mesh-process.ts'
import { REPOSITORY } from './repository.ts'

export interface MeshOptions {
  readonly topology: Topology
  /** Hosts of the topology's cloud that are no nodes of the cluster. */
  readonly bystanders?: readonly string[]
  /** Files with the cluster's objects, loaded before anything else starts. */
  readonly manifests?: readonly string[]
  /** Told in a few words what comes next. */
  readonly onStep?: (step: string) => void
}

const API_PORT = 6443
const MIRROR_PORT = 10550
const TUNNEL_SERVER_PORT = 20006
const TOKEN_POLL_MS = 20
const TOKEN_DEADLINE_MS = 20_000

/**
 * The whole product in a lab, as a user runs it: an API server and a tunnel server on the first node of the cloud, an
 * agent on every node, and on each node of a site its own mirror of the API server, as KubeEdge has.
 */
export class Mesh implements AsyncDisposable {
  readonly lab: Lab
  readonly api: ClusterApi
  readonly server: MeshProcess
  readonly #agents: ReadonlyMap<string, MeshProcess>
  readonly #cloud: LabHost

  private constructor(lab: Lab, { topology, bystanders = [] }: MeshOptions) {
    const [cloud] = topology.cloud ?? []
    if (cloud === undefined) throw new LabError('a mesh needs a node in the cloud')
    this.lab = lab
    this.#cloud = lab.node(cloud.name)
    this.api = new ClusterApi(this.#cloud, `http://127.0.0.1:${API_PORT}`)
    this.server = this.#planServer()
    const cloudNodes = (topology.cloud ?? []).filter(({ name }) => !bystanders.includes(name))
    const cloudAgents = cloudNodes.map(({ name }) => this.#planAgent(name, this.#apiUrl))
    const edge = (topology.sites ?? []).flatMap(({ nodes }) => nodes)
    const mirror = `http://127.0.0.1:${MIRROR_PORT}`
    const edgeAgents = edge.map(({ name }) => this.#planAgent(name, mirror))
    this.#agents = new Map([...cloudAgents, ...edgeAgents].map((agent) => [agent.host.name, agent]))
  }

  /** Builds the lab and starts everything; resolves when every agent is ready. */
  static async start(options: MeshOptions): Promise<Mesh> {
    const { topology, manifests = [], onStep = () => {} } = options
    onStep('building the network')
    const lab = await Lab.create(topology)
    try {
      const mesh = new Mesh(lab, options)
      onStep('starting the API server and its mirrors')
      await mesh.#startApi(manifests)
      onStep('starting the tunnel server')
      await mesh.server.start()
      await mesh.giveJoinToken()
      onStep('starting the agents')
      await Promise.all(mesh.agents.map((agent) => agent.start()))
      await Promise.all(mesh.agents.map((agent) => agent.whenReady()))
      return mesh
    } catch (error) {
      await lab[Symbol.asyncDispose]()
      throw error
    }
  }

  get agents(): readonly MeshProcess[] {
    return [...this.#agents.values()]
  }

  /** @throws {LabError} when there is no such node */
  agent(node: string): MeshProcess {
    const agent = this.#agents.get(node)
    if (agent === undefined) throw new LabError(`no agent on "${node}"`)
    return agent
  }

  /** The join token as the server's operator reads it, waiting for the server to make it. */
  async joinToken(): Promise<string> {
    const deadline = Date.now() + TOKEN_DEADLINE_MS
    for (;;) {
      const token = await readFile(join(this.server.dataDir, 'join-token'), 'utf8').catch(() => undefined)
      if (token !== undefined && token !== '') return token
      if (Date.now() > deadline) throw new LabError('the tunnel server made no join token')
      await delay(TOKEN_POLL_MS)
    }
  }

  /** Puts the server's join token where the agents look for it, as the operator does. */
  async giveJoinToken(): Promise<void> {
    const token = await this.joinToken()
    await mkdir(join(this.lab.logFolder, 'secrets'), { recursive: true })
    await writeFile(this.joinTokenFile, token, { mode: 0o600 })
  }

  get joinTokenFile(): string {
    return join(this.lab.logFolder, 'secrets/join-token')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]()
  }

  get #apiUrl(): string {
    return `http://${this.#cloud.address}:${API_PORT}`
  }

  #planServer(): MeshProcess {
    return new MeshProcess({
      host: this.#cloud,
      program: 'tunnel-server',
      folder: join(this.lab.logFolder, 'tunnel-server'),
      adminPort: 20007,
      config: {
        apiVersion: 'edgeway.io/v1alpha1',
        kind: 'TunnelServerConfiguration',
        log: { level: 'debug' },
      },
    })
  }

  #planAgent(node: string, apiUrl: string): MeshProcess {
    return new MeshProcess({
      host: this.lab.node(node),
      program: 'edge-agent',
      folder: join(this.lab.logFolder, node),
      adminPort: 20009,
      config: {
        apiVersion: 'edgeway.io/v1alpha1',
        kind: 'EdgeAgentConfiguration',
        nodeName: node,
        log: { level: 'debug' },
        metadata: { source: { kind: 'metaserver', url: apiUrl } },
        tunnel: {
          servers: [`${this.#cloud.address}:${TUNNEL_SERVER_PORT}`],
          joinTokenFile: this.joinTokenFile,
        },
      },
    })
  }

  async #startApi(manifests: readonly string[]): Promise<void> {
    const main = join(REPOSITORY, 'packages/testbed/src/api-double/main.ts')
    const files = manifests.flatMap((file) => ['--manifests', file])
    const api = this.#cloud.spawn([process.execPath, main, '--listen', `0.0.0.0:${API_PORT}`, ...files])
    await api.waitForOutput(/"ready":true/)
    const mirrors = this.agents.filter(
      ({ host }) => host.plan.uplink?.gateway !== this.#cloud.plan.uplink?.gateway,
    )
    await Promise.all(
      mirrors.map(async ({ host }) => {
        const listen = ['--listen', `127.0.0.1:${MIRROR_PORT}`, '--mirror', this.#apiUrl]
        const mirror = host.spawn([process.execPath, main, ...listen])
        await mirror.waitForOutput(/"ready":true/)
      }),
    )
  }
}
