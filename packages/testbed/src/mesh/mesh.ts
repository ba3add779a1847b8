import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import type { ApiObject } from '../api-double/api-object.ts'
import { fillCompileCache } from '../kubelet/compile-cache.ts'
import { type InClusterAccess, Kubelet } from '../kubelet/kubelet.ts'
import { LabError } from '../lab/errors.ts'
import { Lab } from '../lab/lab.ts'
import type { LabHost } from '../lab/lab-host.ts'
import type { NodeSpec, Topology } from '../lab/topology.ts'
import { ApiServer } from './api-server.ts'
import { ClusterReader } from './cluster-reader.ts'
import { Kubectl } from './kubectl.ts'
import { MeshProcess } from './mesh-process.ts'
import { MetaServer } from './meta-server.ts'
import { REPOSITORY } from './repository.ts'

export interface MeshOptions {
  readonly topology: Topology
  /** Nodes of the topology on which neither agent nor MetaServer runs. */
  readonly bystanders?: readonly string[]
  /** Hosts of the topology's cloud on which a replica of the tunnel server runs; its first node unless given. */
  readonly servers?: readonly string[]
  /** Where agents look for tunnel servers; address and port of each unless given. */
  readonly serverAddresses?: readonly string[]
  /** Fields of the programs' config files beside those that the mesh sets, by section. */
  readonly config?: Readonly<Partial<Record<MeshProcessProgram, ConfigSections>>>
  /** Files with the cluster's objects, applied before any agent starts. */
  readonly manifests?: readonly string[]
  /** Of agents and tunnel server; `debug`, which has a line per flow, unless given. */
  readonly logLevel?: 'info' | 'debug'
  /** Called when the network is there, and nothing runs in it yet. */
  readonly prepare?: (lab: Lab) => Promise<unknown>
  /** Told in a few words what comes next. */
  readonly onStep?: (step: string) => void
}

/** Fields of a config file by its sections. */
export type ConfigSections = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const NAMESPACE = 'edgeway'
const TUNNEL_SERVER_PORT = 20006
/** Of agents. MetaServer loses changes now and then, which lists put right; minutes later by default. */
const METADATA_PERIODS = { relistIntervalMs: 5_000, probeIntervalMs: 500 }

/**
 * The whole product in a lab, as a user runs it: an API server on the first node of the cloud, on each node of a site a
 * MetaServer with all of its faults, and the manifests applied by kubectl, from which the tunnel servers and an agent on every
 * node are started.
 */
export class Mesh implements AsyncDisposable {
  readonly lab: Lab
  readonly kubectl: Kubectl
  /** At least one, in the order of `MeshOptions.servers`. */
  readonly servers: readonly [MeshProcess, ...MeshProcess[]]
  readonly #agents: ReadonlyMap<string, MeshProcess>
  readonly #cloud: LabHost
  readonly #reader: ClusterReader
  readonly #api: ApiServer
  readonly #metaServers: ReadonlyMap<string, MetaServer>

  private constructor(
    lab: Lab,
    { topology, bystanders = [], servers = [] }: MeshOptions,
    { api, metaServers }: { readonly api: ApiServer; readonly metaServers: readonly MetaServer[] },
  ) {
    const { access } = api
    this.#api = api
    this.#metaServers = new Map(metaServers.map((one) => [one.node, one]))
    const isMember = ({ name }: NodeSpec): boolean => !bystanders.includes(name)
    this.lab = lab
    this.#cloud = cloudOf(lab, topology)
    this.#reader = new ClusterReader(this.#cloud, this.plainApiUrl)
    this.kubectl = new Kubectl(this.#cloud, {
      kubeconfig: api.kubeconfig,
      home: join(lab.logFolder, 'home'),
    })
    const [first = this.#cloud, ...others] = servers.map((name) => lab.node(name))
    const server = (host: LabHost): MeshProcess => this.#plan(host, { program: 'tunnel-server', access })
    this.servers = [server(first), ...others.map(server)]
    const cloudNodes = (topology.cloud ?? []).filter(isMember)
    const edge = edgeNodesOf(topology).filter(isMember)
    const agents = [
      ...cloudNodes.map(({ name }) => this.#plan(lab.node(name), { program: 'edge-agent', access })),
      ...edge.map(({ name }) => this.#plan(lab.node(name), { program: 'edge-agent' })),
    ]
    this.#agents = new Map(agents.map((agent) => [agent.host.name, agent]))
  }

  /** Builds the lab and starts everything; resolves when every agent is ready. */
  static async start(options: MeshOptions): Promise<Mesh> {
    const { topology, manifests = [], onStep = () => {} } = options
    onStep('compiling the programs')
    await Promise.all(['edge-agent', 'tunnel-server'].map(fillCompileCache))
    onStep('building the network')
    const lab = await Lab.create(topology)
    try {
      await options.prepare?.(lab)
      onStep('starting the API server and the MetaServers')
      const api = await ApiServer.start(cloudOf(lab, topology), join(lab.logFolder, 'home'))
      const metaServers = await startMetaServers(lab, options, api.url)
      const mesh = new Mesh(lab, options, { api, metaServers })
      onStep('applying the manifests')
      await mesh.#applyManifests(manifests, options)
      onStep('starting the tunnel servers')
      await mesh.#startServers()
      onStep('starting the agents')
      await Promise.all(mesh.agents.map((agent) => agent.start()))
      await Promise.all(mesh.agents.map((agent) => agent.whenReady()))
      return mesh
    } catch (error) {
      await lab[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Of the API server without TLS, on its own host. */
  get plainApiUrl(): string {
    return this.#api.localUrl
  }

  /** The first tunnel server. */
  get server(): MeshProcess {
    return this.servers[0]
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

  /**
   * What an edge node's agent is told of the cluster by.
   *
   * @throws {LabError} when there is no such edge node
   */
  metaServer(node: string): MetaServer {
    const found = this.#metaServers.get(node)
    if (found === undefined) throw new LabError(`no MetaServer on "${node}"`)
    return found
  }

  /** The join token as the server's operator reads it. */
  async joinToken(): Promise<string> {
    const ref = { namespace: NAMESPACE, name: 'edgeway-join-token' }
    const { data } = (await this.#reader.get('Secret', ref)) as {
      readonly data?: { readonly token?: string }
    }
    return Buffer.from(data?.token ?? '', 'base64').toString()
  }

  /** Kills the API server and all MetaServers. */
  async killApi(): Promise<void> {
    await Promise.all([this.#api, ...this.#metaServers.values()].map((one) => one.kill()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]()
  }

  /** One after another at the first time, since the first makes what all of them keep in the cluster. */
  async #startServers(): Promise<void> {
    for (const server of this.servers) {
      await server.start()
      await server.whenReady()
    }
  }

  /** Everything of `manifests/`, with what a user sets: above all, where the tunnel servers are. */
  async #applyManifests(files: readonly string[], options: MeshOptions): Promise<void> {
    await this.kubectl.applyKustomization(join(REPOSITORY, 'manifests'))
    const { logLevel: level = 'debug', config = {} } = options
    const addresses = this.servers.map(({ host }) => `${host.address}:${TUNNEL_SERVER_PORT}`)
    const servers = options.serverAddresses ?? addresses
    // Of others only: the name in the manifests is one of the cluster's own DNS.
    const ofServer: ConfigSections = { log: { level }, relay: { peers: addresses } }
    const ofAgent: ConfigSections = { log: { level }, tunnel: { servers }, metadata: METADATA_PERIODS }
    await this.kubectl.apply(
      ...(await Promise.all([
        this.#configured('edgeway-tunnel-server', [ofServer, config['tunnel-server'] ?? {}]),
        this.#configured('edgeway-agent', [ofAgent, config['edge-agent'] ?? {}]),
      ])),
    )
    await this.kubectl.applyFiles(files)
  }

  /** A ConfigMap of the manifests with fields of its config changed. */
  async #configured(name: string, changes: readonly ConfigSections[]): Promise<ApiObject> {
    const { apiVersion, kind, metadata, data } = await this.#mustGet('ConfigMap', name)
    const { 'config.yaml': text = '' } = data as Readonly<Record<string, string>>
    const config = parse(text)
    for (const [section, fields] of changes.flatMap((sections) => Object.entries(sections)))
      config[section] = { ...config[section], ...fields }
    const { labels = {} } = metadata
    return {
      apiVersion,
      kind,
      metadata: { name, namespace: NAMESPACE, labels },
      data: { 'config.yaml': stringify(config) },
    }
  }

  async #mustGet(kind: 'ConfigMap' | 'DaemonSet' | 'Deployment', name: string): Promise<ApiObject> {
    const object = await this.#reader.get(kind, { namespace: NAMESPACE, name })
    if (object === undefined) throw new LabError(`the manifests brought no ${kind} ${name}`)
    return object
  }

  #plan(
    host: LabHost,
    { program, access }: { readonly program: MeshProcessProgram; readonly access?: InClusterAccess },
  ): MeshProcess {
    const folder = join(this.lab.logFolder, program === 'tunnel-server' ? folderOfServer(host) : host.name)
    const read = this.#reader.get.bind(this.#reader)
    return new MeshProcess({
      host,
      program,
      folder,
      kubelet: new Kubelet({ nodeName: host.name, folder, read, access }),
      readWorkload: () => this.#mustGet(WORKLOADS[program].kind, WORKLOADS[program].name),
    })
  }
}

function folderOfServer({ name }: LabHost): string {
  return `tunnel-server-${name}`
}

type MeshProcessProgram = 'edge-agent' | 'tunnel-server'

const WORKLOADS = {
  'edge-agent': { kind: 'DaemonSet', name: 'edgeway-agent' },
  'tunnel-server': { kind: 'Deployment', name: 'edgeway-tunnel-server' },
} as const

function cloudOf(lab: Lab, { cloud = [] }: Topology): LabHost {
  const [first] = cloud
  if (first === undefined) throw new LabError('a mesh needs a node in the cloud')
  return lab.node(first.name)
}

function edgeNodesOf({ sites = [] }: Topology): readonly NodeSpec[] {
  return sites.flatMap(({ nodes }) => nodes)
}

async function startMetaServers(
  lab: Lab,
  { topology, bystanders = [] }: MeshOptions,
  upstream: string,
): Promise<readonly MetaServer[]> {
  const nodes = edgeNodesOf(topology).filter(({ name }) => !bystanders.includes(name))
  return await Promise.all(
    nodes.map(({ name }) =>
      MetaServer.start(lab.node(name), { upstream, folder: join(lab.logFolder, name) }),
    ),
  )
}
