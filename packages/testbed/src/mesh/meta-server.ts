import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { LabError } from '../lab/errors.ts'
import type { LabHost } from '../lab/lab-host.ts'
import type { LabProcess } from '../lab/lab-process.ts'
import type { LinkSettings } from '../metaserver-double/index.ts'
import { REPOSITORY } from './repository.ts'

const MAIN = join(REPOSITORY, 'packages/testbed/src/metaserver-double/main.ts')
const PORT = 10550
const CONTROL_PORT = 10551
/** Real ones take up to half a minute to find out that the cloud is away, or back. */
const TIMES = ['--heartbeat-ms', '500', '--reconnect-ms', '500']

export interface MetaServerOptions {
  /** Base URL of the cluster's API server. */
  readonly upstream: string
  /** Of the node on this machine; the database goes there. */
  readonly folder: string
}

/** KubeEdge's MetaServer on an edge node of the lab: its double, with all faults of the real one. */
export class MetaServer {
  readonly #host: LabHost
  readonly #options: MetaServerOptions
  #process: LabProcess

  private constructor(host: LabHost, options: MetaServerOptions, process: LabProcess) {
    this.#host = host
    this.#options = options
    this.#process = process
  }

  /** Resolves when it serves. */
  static async start(host: LabHost, options: MetaServerOptions): Promise<MetaServer> {
    await mkdir(options.folder, { recursive: true })
    return new MetaServer(host, options, await run(host, options))
  }

  get node(): string {
    return this.#host.name
  }

  /** Kills it, as a power failure does. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#process.exited
  }

  /** Starts it again after `kill`, on its database. */
  async restart(): Promise<void> {
    this.#process = await run(this.#host, this.#options)
  }

  /** The link between the node's edgecore and the cloud. */
  async setLink(settings: Partial<LinkSettings>): Promise<void> {
    const url = `http://127.0.0.1:${CONTROL_PORT}/link`
    const { code, stdout } = await this.#host.exec([
      ...['curl', '--silent', '--show-error', '--fail-with-body', '--request', 'POST'],
      ...['--data', JSON.stringify(settings), url],
    ])
    if (code !== 0) throw new LabError(`the link of ${this.node} could not be set: ${stdout}`)
  }
}

async function run(host: LabHost, { upstream, folder }: MetaServerOptions): Promise<LabProcess> {
  const listen = ['--listen', `127.0.0.1:${PORT}`, '--control', `127.0.0.1:${CONTROL_PORT}`]
  const self = ['--node', host.name, '--db', join(folder, 'edgecore.db'), '--upstream', upstream]
  const metaServer = host.spawn([process.execPath, MAIN, ...listen, ...self, ...TIMES])
  await metaServer.waitForOutput(/"ready":true/)
  return metaServer
}
