import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LabHost, type LabProcess, type Mesh, ProcessLog } from '@edgeway/testbed'
import { expect } from 'vitest'
import type { LightAgent, LightAgentsPlan, LightCallOutcome, LightCalls } from './light-agents-plan.ts'

const PROGRAM = fileURLToPath(new URL('light-agents.ts', import.meta.url))
const CALLS_MS = 60_000

export interface LightOptions {
  readonly host: LabHost
  readonly nodes: readonly string[]
  /** The first tunnel server of the mesh unless given. */
  readonly servers?: readonly string[]
  /** That of the mesh's own agents unless given. */
  readonly joinToken?: string
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
    await mkdir(folder, { recursive: true })
    const joinTokenFile = join(folder, 'join-token')
    await writeFile(joinTokenFile, options.joinToken ?? (await mesh.joinToken()))
    const plan: LightAgentsPlan = { servers, joinTokenFile, folder, nodes }
    const process = host.spawn([globalThis.process.execPath, PROGRAM, JSON.stringify(plan)])
    const [, port = ''] = await process.waitForOutput(/^\{"listening":(\d+)\}$/m)
    return new LightAgents(host, folder, { process, port })
  }

  async agents(): Promise<readonly LightAgent[]> {
    return await this.#ask('/agents')
  }

  /** Waits until each of them is joined, or as many as given. */
  async whenJoined({ timeoutMs = 60_000 } = {}): Promise<void> {
    const lonely = async () =>
      (await this.agents()).filter(({ isJoined }) => !isJoined).map(({ node }) => node)
    await expect.poll(lonely, { timeout: timeoutMs, interval: 200 }).toEqual([])
  }

  /** @returns how each call ended, by target */
  async calls({ from, targets }: LightCalls): Promise<Readonly<Record<string, LightCallOutcome>>> {
    return await this.#ask('/calls', JSON.stringify({ from, targets }))
  }

  async call(from: string, target: string): Promise<LightCallOutcome | undefined> {
    return (await this.calls({ from, targets: [target] }))[target]
  }

  async stop(): Promise<void> {
    await this.#process[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #ask<Answer>(path: string, body?: string): Promise<Answer> {
    const post = body === undefined ? [] : ['--data', body]
    const command = ['curl', '--silent', '--show-error', '--fail-with-body', ...post, `${this.#url}${path}`]
    const { code, stdout, stderr } = await this.#host.exec(command, { timeoutMs: CALLS_MS })
    if (code !== 0) throw new Error(`the light agents of ${this.#host.name} failed: ${stderr}${stdout}`)
    return JSON.parse(stdout)
  }
}
