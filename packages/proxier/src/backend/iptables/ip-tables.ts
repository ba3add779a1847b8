import type { IpFamily } from '@edgeway/core'
import { mustRun, type RunCommand } from '../../command/run-command.ts'
import { type OurTables, parseSaved } from './saved-rules.ts'
import type { IptablesTools } from './tools.ts'

/** The kernel's tables nat and filter of one flavour, by its commands. */
export class IpTables {
  readonly #tools: IptablesTools
  readonly #run: RunCommand

  constructor(tools: IptablesTools, run: RunCommand) {
    this.#tools = tools
    this.#run = run
  }

  /**
   * What is ours in them.
   *
   * @throws {CommandError} as `restore`
   */
  async save(families: readonly IpFamily[]): Promise<ReadonlyMap<IpFamily, OurTables>> {
    const saved = families.map(async (family) => {
      return [family, parseSaved(await mustRun(this.#run, this.#tools.save[family]))] as const
    })
    return new Map(await Promise.all(saved))
  }

  /** @param input - nothing is run for nothing */
  async restore(family: IpFamily, input: string): Promise<void> {
    if (input !== '') await mustRun(this.#run, this.#tools.restore[family], input)
  }
}
