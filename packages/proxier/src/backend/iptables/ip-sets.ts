import { setTimeout as delay } from 'node:timers/promises'
import { failureOf, mustRun, type RunCommand } from '../../command/run-command.ts'
import type { IpSet } from './names.ts'

const RESTORE = ['ipset', 'restore'] as const
const SAVE = ['ipset', 'save'] as const

/** The kernel lets go of a set some milliseconds after the last rule that named it went. */
const RELEASE_ROUNDS = 50
const RELEASE_DELAY_MS = 20

/** The sets of the kernel, by the `ipset` command. */
export class IpSets {
  readonly #run: RunCommand
  /** Emptied, but not yet to be destroyed, since the kernel still held them. */
  readonly #held = new Set<string>()

  constructor(run: RunCommand) {
    this.#run = run
  }

  /** Sets that are of no use any more, and go with one of the next changes. */
  get held(): ReadonlySet<string> {
    return this.#held
  }

  /** Whether there is the command; without it there are no sets of ours. */
  async isInstalled(): Promise<boolean> {
    return this.#run(['ipset', '--version']).then(
      ({ code }) => code === 0,
      () => false,
    )
  }

  /** @throws {CommandError} as all of these */
  async save(): Promise<string> {
    return await mustRun(this.#run, SAVE)
  }

  /** @param created - sets in the input: those are of use again */
  async restore(input: string, created: readonly IpSet[] = []): Promise<void> {
    if (input === '') return
    await mustRun(this.#run, RESTORE, input)
    for (const { name } of created) this.#held.delete(name)
  }

  /** Destroys what is not held. */
  async destroy(names: readonly string[]): Promise<void> {
    for (const name of names) this.#held.add(name)
    if (this.#held.size > 0) await this.#destroyRound()
  }

  /**
   * Destroys all of these, waiting for the kernel to let go of them.
   *
   * @throws {CommandError} when a stranger's rule holds one
   */
  async destroyAll(names: readonly string[]): Promise<void> {
    await this.destroy(names)
    for (let round = 0; this.#held.size > 0 && round < RELEASE_ROUNDS; round++) {
      await delay(RELEASE_DELAY_MS)
      await this.#destroyRound()
    }
    const [name] = this.#held
    if (name !== undefined) await mustRun(this.#run, ['ipset', 'destroy', name])
  }

  /** A restore ends at the first set that is held: which is then tried last. */
  async #destroyRound(): Promise<void> {
    const names = [...this.#held]
    const input = names.map((name) => `destroy ${name}\n`).join('')
    const result = await this.#run(['ipset', '-exist', 'restore'], input)
    const line = /line (\d+)/.exec(result.stderr)?.[1]
    if (result.code !== 0 && line === undefined) throw failureOf(RESTORE, result)
    const gone = result.code === 0 ? names.length : Number(line) - 1
    for (const name of names.slice(0, gone + 1)) this.#held.delete(name)
    const stuck = names[gone]
    if (stuck !== undefined && !/does not exist/.test(result.stderr)) this.#held.add(stuck)
  }
}
