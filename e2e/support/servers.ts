import { type LabPod, type LabProcess, type Mesh, startHttpEcho } from '@edgeway/testbed'
import { POD_PORT } from './two-sites.ts'

/** What a pod runs: resolves when it serves. */
type Serve = (pod: LabPod) => Promise<LabProcess>

const serveEcho: Serve = async (pod) => (await startHttpEcho(pod, { port: POD_PORT })).process

/** Pods with servers beside those of `startTwoSites`, that can be killed and come back. */
export class Servers {
  readonly #running = new Map<string, LabProcess>()
  readonly #pods: ReadonlyMap<string, LabPod>
  readonly #serve: Serve

  private constructor(pods: ReadonlyMap<string, LabPod>, serve: Serve) {
    this.#pods = pods
    this.#serve = serve
  }

  /**
   * @param nodes - names of the pods by node
   * @param serve - what runs in each; `http-echo` unless given
   */
  static async start(
    mesh: Mesh,
    nodes: Readonly<Record<string, readonly string[]>>,
    serve = serveEcho,
  ): Promise<Servers> {
    const pods = new Map<string, LabPod>()
    for (const [node, names] of Object.entries(nodes))
      for (const name of names) pods.set(name, await mesh.lab.addPod(node, { name, namespace: 'apps' }))
    const servers = new Servers(pods, serve)
    await servers.reviveAll()
    return servers
  }

  /** Endpoints of a Service that these pods serve. */
  endpoints(...names: readonly string[]): { readonly ip: string; readonly node: string }[] {
    return names.map((name) => ({ ip: this.pod(name).address, node: this.pod(name).node.name }))
  }

  pod(name: string): LabPod {
    const pod = this.#pods.get(name)
    if (pod === undefined) throw new Error(`no pod "${name}"`)
    return pod
  }

  /**
   * Kills (SIGKILL) the server in a pod, which stays.
   *
   * @returns when it was gone for certain, in milliseconds since 1970
   */
  async kill(name: string): Promise<number> {
    await this.#end(name, 'SIGKILL')
    return Date.now()
  }

  /** Ends the server in a pod as kubelets do (SIGTERM). Resolves when it has ended. */
  async stop(name: string): Promise<void> {
    await this.#end(name, 'SIGTERM')
  }

  /** Starts those again that were killed. Resolves when they accept connections. */
  async reviveAll(): Promise<void> {
    const dead = [...this.#pods].filter(([name]) => !this.#running.has(name))
    await Promise.all(
      dead.map(async ([name, pod]) => {
        this.#running.set(name, await this.#serve(pod))
      }),
    )
  }

  async #end(name: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const server = this.#running.get(name)
    if (server === undefined) throw new Error(`no server runs in "${name}"`)
    this.#running.delete(name)
    server.kill(signal)
    await server.exited
  }
}
