import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { sweepOrphans } from './clean.ts'
import { LabError } from './errors.ts'
import { LabClaim, NETNS_ETC_FOLDER } from './lab-claim.ts'
import { LabProcess, type LabProcessOptions } from './lab-process.ts'
import { endProcessesIn, LAB_VARIABLE, NETNS_FOLDER } from './namespace-processes.ts'
import {
  type CommandOptions,
  type CommandResult,
  type Environment,
  mustRun,
  runCommand,
} from './run-command.ts'

/** A proxy that this machine goes by is out of reach from inside. */
const PROXY_VARIABLE = /^(https?|ftp|all)_proxy$/i

/** What a NetworkNamespace needs to know of the lab it belongs to. */
interface Membership {
  readonly lab: string
  readonly logFolder: string
  /** Removes the namespace and all that is recorded about it. */
  readonly remove: () => void
}

/** A named network namespace with its loopback device up; needs root. */
export class NetworkNamespace implements AsyncDisposable {
  readonly name: string
  readonly #membership: Membership
  readonly #processes: LabProcess[] = []

  /** For a namespace that is there already, as a lab makes many at once. */
  constructor(name: string, membership: Membership) {
    this.name = name
    this.#membership = membership
  }

  /**
   * Makes a namespace that stands alone. It is on record like a lab, so it goes when this process ends.
   *
   * @throws {LabError} when the name is taken or the kernel refuses
   */
  static async create(name: string): Promise<NetworkNamespace> {
    sweepOrphans()
    if (existsSync(`${NETNS_FOLDER}/${name}`)) throw new LabError(`namespace "${name}" exists already`)
    const claim = LabClaim.make(name, [name])
    try {
      const env = { [LAB_VARIABLE]: name }
      await mustRun(['ip', 'netns', 'add', name], { env })
      await mustRun(['ip', '-n', name, 'link', 'set', 'lo', 'up'], { env })
    } catch (error) {
      claim.release()
      throw error
    }
    const remove = (): void => claim.release()
    return new NetworkNamespace(name, { lab: name, logFolder: claim.logFolder, remove })
  }

  /** For files that go with the namespace; the output of its processes is there, too. */
  get logFolder(): string {
    return this.#membership.logFolder
  }

  /** Runs a command inside to its end. A non-zero exit code is a result, not an error. */
  exec(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runCommand(this.#inside(command), { ...options, env: this.#environment(options.env) })
  }

  /**
   * Starts a process inside. Without `logFile` its output goes to a file that lives as long as the namespace.
   *
   * @throws {LabError} when no command is given
   */
  spawn(command: readonly string[], options: Partial<LabProcessOptions> = {}): LabProcess {
    const [file] = command
    if (file === undefined) throw new LabError('no command given')
    const logName = `${this.name}.${this.#processes.length + 1}.${basename(file)}.log`
    const logFile = `${this.#membership.logFolder}/${logName}`
    const env = this.#environment(options.env)
    const started = LabProcess.spawn(this.#inside(command), { logFile, ...options, env })
    this.#processes.push(started)
    return started
  }

  /** Lays a resolv.conf of its own over /etc/resolv.conf, for commands started from now on. */
  async setResolvConf(content: string): Promise<void> {
    await writeResolvConf(this.name, content)
  }

  /** Lets this process end while those inside go on. */
  unref(): void {
    for (const started of this.#processes) started.unref()
  }

  /** Ends the processes inside: asks first, kills what is left after two seconds. */
  async endProcesses(): Promise<void> {
    // Those started last may not have entered the namespace yet, so they are not found inside.
    await Promise.all(this.#processes.map((started) => started[Symbol.asyncDispose]()))
    await endProcessesIn({ namespaces: [this.name] })
  }

  /** Ends the processes inside and removes the namespace with all that belongs to it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.endProcesses()
    this.#membership.remove()
  }

  #inside(command: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.name, ...command]
  }

  #environment(own: Environment = {}): Environment {
    const proxies = Object.keys(process.env).filter((name) => PROXY_VARIABLE.test(name))
    const none = Object.fromEntries(proxies.map((name) => [name, undefined]))
    return { ...none, [LAB_VARIABLE]: this.#membership.lab, ...own }
  }
}

export async function writeResolvConf(namespace: string, content: string): Promise<void> {
  await mkdir(`${NETNS_ETC_FOLDER}/${namespace}`, { recursive: true })
  await writeFile(`${NETNS_ETC_FOLDER}/${namespace}/resolv.conf`, content)
}
