import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LabHost, type LabProcess, type Mesh, ProcessLog } from '@edgeway/testbed'
import { expect } from 'vitest'
import type { LightAgent, LightAgentsPlan, LightCallOutcome, LightCalls } from './light-agents-plan.ts'

const PROGRAM = fileURLToPath(new URL('light-agents.ts', import.meta.url))
const CALLS_MS = 60_000

interface StoredIdentity {
  readonly certificate: string
}

export interface LightOptions {
  readonly host: LabHost
  readonly nodes: readonly string[]
  /** The first tunnel server of the mesh unless given. */
  readonly servers?: readonly string[]
  /** By node; without, that of the mesh's own agents. */
  readonly joinTokens?: Readonly<Record<string, string>>
  /** Names the folder in which the agents' folders are; that of the host unless given. Agents that come back have theirs. */
  readonly folder?: string
}

/** Many nodes in one process on a host, see `light-agents.ts`. */
export class LightAgents implements AsyncDisposable {
  readonly log: ProcessLog
  /** Of one agent each, by its name. */
  readonly folder: string
  readonly #host: LabHost
  readonly #process: LabProcess
  readonly #url: string

  private constructor(host: LabHost, folder: string, running: { process: LabProcess; port: string }) {
    this.#host = host
    this.folder = folder
    this.#process = running.process
    this.log = new ProcessLog(running.process.logFile)
    this.#url = `http://127.0.0.1:${running.port}`
  }

  /** Resolves when all of them run; they join in the background. */
  static async start(mesh: Mesh, options: LightOptions): Promise<LightAgents> {
    const { host, nodes, servers = [`${mesh.server.host.address}:20006`] } = options
    const folder = join(mesh.lab.logFolder, 'light', options.folder ?? host.name)
    const token = await mesh.joinToken()
    const joinTokens = Object.fromEntries(nodes.map((node) => [node, options.joinTokens?.[node] ?? token]))
    const plan: LightAgentsPlan = { servers, joinTokens, folder }
    const process = host.spawn([globalThis.process.execPath, PROGRAM, JSON.stringify(plan)])
    const [, port = ''] = await process.waitForOutput(/^\{"listening":(\d+)\}$/m)
    return new LightAgents(host, folder, { process, port })
  }

  async agents(): Promise<readonly LightAgent[]> {
    return await this.#ask('/agents')
  }

  /** Names of those that are joined now. */
  async joined(): Promise<readonly string[]> {
    return (await this.agents()).filter(({ isJoined }) => isJoined).map(({ node }) => node)
  }

  /** Waits until each of them is joined, or each of those that are named. */
  async whenJoined({
    nodes,
    timeoutMs = 60_000,
  }: {
    readonly nodes?: readonly string[]
    readonly timeoutMs?: number
  } = {}): Promise<void> {
    const isWanted = ({ node }: LightAgent): boolean => nodes?.includes(node) ?? true
    const lonely = async () =>
      (await this.agents()).filter((agent) => !agent.isJoined && isWanted(agent)).map(({ node }) => node)
    await expect.poll(lonely, { timeout: timeoutMs, interval: 200 }).toEqual([])
  }

  /** @returns how each call ended, by target */
  async calls(calls: LightCalls): Promise<Readonly<Record<string, LightCallOutcome>>> {
    return await this.#ask('/calls', JSON.stringify(calls))
  }

  async call(from: string, target: string, bytes = 0): Promise<LightCallOutcome | undefined> {
    return (await this.calls({ from, targets: [target], bytes }))[target]
  }

  /** What one of them keeps beside its key. */
  async identity(node: string): Promise<StoredIdentity> {
    return JSON.parse(await readFile(this.#identityFile(node), 'utf8'))
  }

  /** Gives one of them another certificate; they must not run. */
  async setCertificate(node: string, certificate: string): Promise<void> {
    const identity = { ...(await this.identity(node)), certificate }
    await writeFile(this.#identityFile(node), JSON.stringify(identity))
  }

  async stop(): Promise<void> {
    await this.#process[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #identityFile(node: string): string {
    return join(this.folder, node, 'identity.json')
  }

  async #ask<Answer>(path: string, body?: string): Promise<Answer> {
    const post = body === undefined ? [] : ['--data', body]
    const command = ['curl', '--silent', '--show-error', '--fail-with-body', ...post, `${this.#url}${path}`]
    const { code, stdout, stderr } = await this.#host.exec(command, { timeoutMs: CALLS_MS })
    if (code !== 0) throw new Error(`the light agents of ${this.#host.name} failed: ${stderr}${stdout}`)
    return JSON.parse(stdout)
  }
}
