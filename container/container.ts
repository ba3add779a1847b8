import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { type ContainerPlan, type MeshProcess, podmanCommand } from '@edgeway/testbed'
import { run } from './base-image.ts'

/** A container in podman that takes the place of a process of the mesh; its output goes to that process's log. */
export class Container implements AsyncDisposable {
  readonly name: string
  readonly #exited: Promise<number | null>

  private constructor(name: string, child: ChildProcess) {
    this.name = name
    this.#exited = new Promise((resolve) => child.once('close', resolve))
  }

  /**
   * Stops the process and runs its image instead, from what the cluster says now. Resolves when it is ready.
   *
   * @throws {Error} when it ends before; nothing of it is left then
   */
  static async replace(process: MeshProcess): Promise<Container> {
    await process.stop()
    const { plan } = await process.prepare()
    const container = await Container.#start(plan, process)
    try {
      await Promise.race([process.whenReady(), container.#failEarly(process)])
      return container
    } catch (error) {
      await container[Symbol.asyncDispose]()
      throw error
    }
  }

  static async #start(plan: ContainerPlan, process: MeshProcess): Promise<Container> {
    const namespace = process.host.namespace.name
    const name = `${namespace}-${plan.image.replaceAll(/[^a-z]+/g, '-')}`
    await using log = await open(process.log.file, 'a')
    const [file = '', ...args] = podmanCommand(plan, { name, namespace })
    const child = spawn(file, args, { stdio: ['ignore', log.fd, log.fd] })
    await once(child, 'spawn')
    return new Container(name, child)
  }

  /** Runs a command inside to its end. */
  exec(...command: readonly string[]): Promise<string> {
    return run(['podman', 'exec', this.name, ...command])
  }

  /**
   * Asks it to end by SIGTERM, and kills it when its grace period is over.
   *
   * @returns its exit code; 137 when it had to be killed
   */
  async stop(): Promise<number | null> {
    await run(['podman', 'stop', this.name])
    return this.#exited
  }

  /** False once podman knows nothing of it any more. */
  async exists(): Promise<boolean> {
    const names = await run(['podman', 'ps', '--all', '--format', '{{.Names}}'])
    return names.split('\n').includes(this.name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(['podman', 'rm', '--force', '--ignore', '--time', '5', this.name])
    await this.#exited
  }

  async #failEarly({ log }: MeshProcess): Promise<never> {
    const code = await this.#exited
    throw new Error(`${this.name} ended with ${code}; its output is in ${log.file}`)
  }
}
