import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LabError } from '../lab/errors.ts'
import type { LabHost } from '../lab/lab-host.ts'
import type { LabProcess, ProcessExit } from '../lab/lab-process.ts'
import { ProcessLog } from './process-log.ts'
import { REPOSITORY } from './repository.ts'

export interface MeshProcessSpec {
  readonly host: LabHost
  /** What runs, e.g. `edge-agent`: a package with `src/main.ts`. */
  readonly program: 'edge-agent' | 'tunnel-server'
  /** Its own: config file, data directory and log are made there. */
  readonly folder: string
  readonly adminPort: number
  /** The config file's content; `dataDir` is added. */
  readonly config: Readonly<Record<string, unknown>>
}

const POLL_MS = 50
const KIB = 1024

/** A tunnel server or an edge agent on a host of the lab. Log and data outlive its restarts. */
export class MeshProcess {
  readonly host: LabHost
  readonly dataDir: string
  readonly log: ProcessLog
  readonly #spec: MeshProcessSpec
  #running: LabProcess | undefined

  constructor(spec: MeshProcessSpec) {
    this.#spec = spec
    this.host = spec.host
    this.dataDir = join(spec.folder, 'data')
    this.log = new ProcessLog(join(spec.folder, `${spec.program}.log`))
  }

  get pid(): number {
    if (this.#running === undefined) throw new LabError(`${this.#spec.program} was never started`)
    return this.#running.pid
  }

  get configFile(): string {
    return join(this.#spec.folder, `${this.#spec.program}.yaml`)
  }

  /** The command that runs it on its host. */
  get command(): readonly string[] {
    const { program } = this.#spec
    return [
      process.execPath,
      join(REPOSITORY, 'packages', program, 'src/main.ts'),
      '--config',
      this.configFile,
    ]
  }

  /** Writes the config and starts the process; `override` replaces whole sections of the config. */
  async start(override: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const config = { ...this.#spec.config, dataDir: this.dataDir, ...override }
    await mkdir(this.dataDir, { recursive: true })
    // JSON is YAML.
    await writeFile(this.configFile, JSON.stringify(config, undefined, 2))
    this.#running = this.host.spawn(this.command, { logFile: this.log.file })
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
    const url = `http://127.0.0.1:${this.#spec.adminPort}${path}`
    const { stdout } = await this.host.exec(['curl', '--silent', '--max-time', '5', url])
    return stdout
  }

  /** @throws {LabError} with what is missing when it is not ready within `timeoutMs` or ends */
  async whenReady(timeoutMs = 30_000): Promise<void> {
    const deadline = Date.now() + timeoutMs
    for (;;) {
      const answer = await this.admin('/readyz')
      if (answer.endsWith('\nready\n') || answer === 'ready\n') return
      if (this.#running?.running !== true || Date.now() > deadline)
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
    if (this.#running === undefined) throw new LabError(`${this.#spec.program} was never started`)
    this.#running.kill(signal)
    return this.#running.exited
  }

  async #tail(): Promise<string> {
    const output = await readFile(this.log.file, 'utf8')
    return output.split('\n').slice(-30).join('\n')
  }
}
