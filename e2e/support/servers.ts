import { type LabPod, type Mesh, startHttpEcho, type Workload } from '@edgeway/testbed'
import { POD_PORT } from './two-sites.ts'

/** `http-echo` pods beside those of `startTwoSites`, that can be killed and come back. */
export class Servers {
  readonly #running = new Map<string, Workload>()
  readonly #pods: ReadonlyMap<string, LabPod>

  private constructor(pods: ReadonlyMap<string, LabPod>) {
    this.#pods = pods
  }

  /** @param nodes - names of the pods by node */
  static async start(mesh: Mesh, nodes: Readonly<Record<string, readonly string[]>>): Promise<Servers> {
    const pods = new Map<string, LabPod>()
    for (const [node, names] of Object.entries(nodes))
      for (const name of names) pods.set(name, await mesh.lab.addPod(node, { name, namespace: 'apps' }))
    const servers = new Servers(pods)
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
    const server = this.#running.get(name)
    if (server === undefined) throw new Error(`no server runs in "${name}"`)
    this.#running.delete(name)
    server.process.kill('SIGKILL')
    await server.process.exited
    return Date.now()
  }

  /** Starts those again that were killed. Resolves when they accept connections. */
  async reviveAll(): Promise<void> {
    const dead = [...this.#pods].filter(([name]) => !this.#running.has(name))
    await Promise.all(
      dead.map(async ([name, pod]) => {
        this.#running.set(name, await startHttpEcho(pod, { port: POD_PORT }))
      }),
    )
  }
}
