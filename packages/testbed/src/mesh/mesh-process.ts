import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parse } from 'yaml'
import type { ApiObject } from '../api-double/api-object.ts'
import type { Kubelet, PreparedContainer } from '../kubelet/kubelet.ts'
import { execCommand, sandboxCommand } from '../kubelet/sandbox.ts'
import { LabError } from '../lab/errors.ts'
import type { LabHost } from '../lab/lab-host.ts'
import type { LabProcess, ProcessExit } from '../lab/lab-process.ts'
import { ProcessLog } from './process-log.ts'

export interface MeshProcessSpec {
  readonly host: LabHost
  readonly kubelet: Kubelet
  /** For logs and messages. */
  readonly program: 'edge-agent' | 'tunnel-server'
  /** Its own, for its log and its root file system. */
  readonly folder: string
  /** The DaemonSet or Deployment that it is a pod of, as it is in the cluster now. */
  readWorkload(): Promise<ApiObject>
}

/** What a test changes of the pod, beside what the manifests say. */
export interface PodChanges {
  /** Replaces whole sections of the config file. */
  readonly config?: Readonly<Record<string, unknown>>
  /** The join token as this node has it. */
  readonly joinToken?: string
}

const CONFIG_FILE = 'config.yaml'
const JOIN_TOKEN_FILE = 'token'
const POLL_MS = 50
const KIB = 1024

/**
 * The pod of a tunnel server or an edge agent on a host of the lab, started from the manifests that were applied. Log
 * and data outlive its restarts.
 */
export class MeshProcess {
  readonly host: LabHost
  readonly log: ProcessLog
  readonly #spec: MeshProcessSpec
  /** `undefined` while somebody else runs it. */
  #running: LabProcess | undefined
  #prepared: PreparedContainer | undefined

  constructor(spec: MeshProcessSpec) {
    this.#spec = spec
    this.host = spec.host
    this.log = new ProcessLog(join(spec.folder, `${spec.program}.log`))
  }

  get pid(): number {
    return this.#started(this.#running).pid
  }

  /**
   * Prepares the container as the kubelet does: from the workload, the ConfigMaps and the Secrets of this moment. For
   * those who run it themselves.
   */
  async prepare(changes: PodChanges = {}): Promise<PreparedContainer> {
    const { kubelet, readWorkload } = this.#spec
    const workload = await readWorkload()
    const prepared = await kubelet.prepare(workload, (file, content) => edited(file, content, changes))
    this.#prepared = prepared
    this.#running = undefined
    return prepared
  }

  async start(changes: PodChanges = {}): Promise<void> {
    const { plan, image } = await this.prepare(changes)
    const root = join(this.#spec.folder, 'root')
    await rm(root, { recursive: true, force: true })
    this.#running = this.host.spawn(await sandboxCommand(plan, image, root), { logFile: this.log.file })
  }

  /**
   * Runs the program once more, in a container like its own, with further arguments.
   *
   * @throws {LabError} with what it wrote when it fails
   */
  async runOnce(args: readonly string[]): Promise<void> {
    const { plan, image } = await this.prepare()
    const root = join(this.#spec.folder, 'root-once')
    await rm(root, { recursive: true, force: true })
    const command = await sandboxCommand({ ...plan, args: [...plan.args, ...args] }, image, root)
    const { code, stderr } = await this.host.exec(command)
    if (code !== 0) throw new LabError(`${this.#spec.program} ${args.join(' ')} failed: ${stderr}`)
  }

  /**
   * Runs the program in its running container once more, with arguments of its own before those of the manifests, as
   * `kubectl exec` does.
   *
   * @param args - e.g. `['token', 'create', '--node', 'edge-9']`
   * @returns what it wrote to standard output
   * @throws {LabError} with its words when it fails, or when the container does not run
   */
  async command(args: readonly string[]): Promise<string> {
    const { plan, image } = this.#started(this.#prepared)
    const command = execCommand({ ...plan, args: [...args, ...plan.args] }, image, this.pid)
    const { code, stdout, stderr } = await this.host.exec(command)
    if (code === 0) return stdout
    throw new LabError(`${this.#spec.program} ${args.join(' ')} failed with code ${code}: ${stderr}`)
  }

  /** Gives the running pod another join token, as the kubelet does when the Secret has changed. */
  async setJoinToken(token: string): Promise<void> {
    await writeFile(join(this.#mountAt('/etc/edgeway/join'), JOIN_TOKEN_FILE), token)
  }

  /** Takes from the node what the pod keeps there, or one file of it; it must not run. */
  async removeData(file = ''): Promise<void> {
    await rm(join(this.#mountAt('/var/lib/edgeway/agent'), file), { recursive: true })
  }

  /** Resolves when the process has ended by SIGTERM. */
  async stop(): Promise<ProcessExit> {
    return this.#end('SIGTERM')
  }

  /** Resolves when the process is gone, having had no chance to clean up. */
  async kill(): Promise<ProcessExit> {
    return this.#end('SIGKILL')
  }

  /** The answer of its admin server, whatever its status; empty while nothing answers. */
  async admin(path: string): Promise<string> {
    const url = new URL(path, this.#started(this.#prepared).plan.readinessUrl)
    const { stdout } = await this.host.exec(['curl', '--silent', '--max-time', '5', url.href])
    return stdout
  }

  /** @throws {LabError} with what is missing when it is not ready within `timeoutMs` or ends */
  async whenReady(timeoutMs = 60_000): Promise<void> {
    const deadline = Date.now() + timeoutMs
    for (;;) {
      const answer = await this.admin(this.#started(this.#prepared).plan.readinessUrl.pathname)
      if (answer.endsWith('\nready\n') || answer === 'ready\n') return
      if (this.#running?.running === false || Date.now() > deadline)
        throw new LabError(
          `${this.#spec.program} on ${this.host.name} is not ready: ${answer}\n${await this.#tail()}`,
        )
      await delay(POLL_MS)
    }
  }

  /** The sum of a metric's samples whose labels include the given ones; 0 where there is none. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    const lines = (await this.admin('/metrics')).split('\n')
    return lines
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => wanted.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  }

  /** Resident memory now, and the most since the last `resetPeakMemory`, in bytes. */
  async memory(): Promise<{ readonly now: number; readonly peak: number }> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8')
    const kib = (field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
    return { now: kib('VmRSS') * KIB, peak: kib('VmHWM') * KIB }
  }

  async resetPeakMemory(): Promise<void> {
    // proc(5): "5" resets the peak resident set size.
    await writeFile(`/proc/${this.pid}/clear_refs`, '5')
  }

  async #end(signal: NodeJS.Signals): Promise<ProcessExit> {
    const running = this.#started(this.#running)
    running.kill(signal)
    return running.exited
  }

  async #tail(): Promise<string> {
    const output = await readFile(this.log.file, 'utf8')
    return output.split('\n').slice(-30).join('\n')
  }

  #mountAt(target: string): string {
    const mount = this.#started(this.#prepared).plan.mounts.find((candidate) => candidate.target === target)
    if (mount === undefined) throw new LabError(`${this.#spec.program} has nothing mounted at ${target}`)
    return mount.source
  }

  #started<Value>(value: Value | undefined): Value {
    if (value === undefined) throw new LabError(`${this.#spec.program} was never started`)
    return value
  }
}

function edited(file: string, content: string, { config = {}, joinToken }: PodChanges): string {
  if (file === JOIN_TOKEN_FILE) return joinToken ?? content
  // JSON is YAML.
  return file === CONFIG_FILE ? JSON.stringify({ ...parse(content), ...config }, undefined, 2) : content
}
