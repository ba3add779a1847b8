import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { InClusterAccess } from '../kubelet/kubelet.ts'
import type { LabHost } from '../lab/lab-host.ts'
import type { LabProcess } from '../lab/lab-process.ts'
import { REPOSITORY } from './repository.ts'

const MAIN = join(REPOSITORY, 'packages/testbed/src/api-double/main.ts')
const PORT = 6443
/** Without TLS, for the MetaServers and the lab's own kubelets. */
const PLAIN_PORT = 8080
/** Something is written in every cluster; in a silent one MetaServer loses the first change after each start of a watch. */
const HEARTBEAT_MS = 100

/** The cluster's API server in the cloud of the lab: the API double. */
export class ApiServer {
  /** Of its administrator. */
  readonly kubeconfig: string
  /** How pods in the cloud reach it. */
  readonly access: InClusterAccess
  readonly #host: LabHost
  readonly #process: LabProcess

  private constructor(
    host: LabHost,
    process: LabProcess,
    reached: { readonly kubeconfig: string; readonly access: InClusterAccess },
  ) {
    this.#host = host
    this.#process = process
    this.kubeconfig = reached.kubeconfig
    this.access = reached.access
  }

  /**
   * Resolves when it serves.
   *
   * @param folder - for the kubeconfig
   */
  static async start(host: LabHost, folder: string): Promise<ApiServer> {
    await mkdir(folder, { recursive: true })
    const kubeconfig = join(folder, 'kubeconfig')
    const plain = ['--listen', `0.0.0.0:${PLAIN_PORT}`, '--kubeconfig', kubeconfig]
    const secure = ['--listen-tls', `0.0.0.0:${PORT}`, '--tls-name', host.address]
    const life = ['--heartbeat-ms', String(HEARTBEAT_MS)]
    const api = host.spawn([process.execPath, MAIN, ...plain, ...secure, ...life])
    await api.waitForOutput(/"ready":true/)
    const access = { host: host.address, port: PORT, ca: await authorityIn(kubeconfig) }
    return new ApiServer(host, api, { kubeconfig, access })
  }

  /** Without TLS, on its own host. */
  get localUrl(): string {
    return `http://127.0.0.1:${PLAIN_PORT}`
  }

  /** Without TLS, for other hosts. */
  get url(): string {
    return `http://${this.#host.address}:${PLAIN_PORT}`
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#process.exited
  }
}

/** PEM of the authority that signed the server's certificate. */
async function authorityIn(kubeconfig: string): Promise<string> {
  const { clusters } = JSON.parse(await readFile(kubeconfig, 'utf8')) as {
    readonly clusters: readonly [{ readonly cluster: { readonly 'certificate-authority-data': string } }]
  }
  const [{ cluster }] = clusters
  return Buffer.from(cluster['certificate-authority-data'], 'base64').toString()
}
