import { type LabHost, Mesh, type MeshProcess, type Topology } from '@edgeway/testbed'
import { ByteCounter } from './byte-counter.ts'
import { SimulatedAgents } from './simulated-agents.ts'

const SERVER = 'relay'
export const SERVER_PORT = 20_006
/** As many as there are cores; each is one address for the server, as a site behind a NAT is. */
const AGENT_HOSTS = ['site-1', 'site-2']

const TOPOLOGY: Topology = {
  cloud: [
    { name: 'cloud', address: '45.80.0.10', podSubnet: '10.244.0.0/24' },
    { name: SERVER, address: '45.80.0.11' },
    ...AGENT_HOSTS.map((name, index) => ({ name, address: `45.80.0.${20 + index}` })),
  ],
}

/** A tunnel server as it runs in a cluster, one real agent, and hosts for simulated ones. */
export class ManyAgentsScene implements AsyncDisposable {
  readonly mesh: Mesh
  /** All TCP bytes of the tunnel server with agents. */
  readonly counter: ByteCounter
  readonly #agents = new AsyncDisposableStack()

  private constructor(mesh: Mesh, counter: ByteCounter) {
    this.mesh = mesh
    this.counter = counter
  }

  static async start(onStep: (step: string) => void): Promise<ManyAgentsScene> {
    const bystanders = [SERVER, ...AGENT_HOSTS]
    const options = { topology: TOPOLOGY, bystanders, servers: [SERVER], logLevel: 'info', onStep } as const
    const mesh = await Mesh.start(options)
    try {
      return new ManyAgentsScene(
        mesh,
        await ByteCounter.start(mesh.lab.node(SERVER), { own: String(SERVER_PORT) }),
      )
    } catch (error) {
      await mesh[Symbol.asyncDispose]()
      throw error
    }
  }

  get server(): MeshProcess {
    return this.mesh.server
  }

  get hosts(): readonly LabHost[] {
    return AGENT_HOSTS.map((name) => this.mesh.lab.node(name))
  }

  async simulatedAgents(): Promise<SimulatedAgents> {
    const servers = [`${this.server.host.address}:${SERVER_PORT}`]
    const joinToken = (await this.mesh.joinToken()).trim()
    return this.#agents.use(new SimulatedAgents({ hosts: this.hosts, servers, joinToken }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agents.disposeAsync()
    await this.mesh[Symbol.asyncDispose]()
  }
}
