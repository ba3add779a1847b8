import { failureOf, mustRun, type RunCommand } from '../../command/run-command.ts'
import type { CommandError } from '../../errors.ts'

/** Speaks nft's language with the kernel. */
export interface Nft {
  /**
   * Commits a script as one transaction.
   *
   * @throws {CommandError} when the kernel refuses it, or it is not known whether it took it
   */
  load(script: string): Promise<void>

  /**
   * Proves that the kernel would take a script; changes nothing.
   *
   * @throws {CommandError} when it would not
   */
  check(script: string): Promise<void>

  /**
   * Lists an object, e.g. `table inet filter`, as JSON with numbers in place of names.
   *
   * @param options - `isTerse`: without the elements of sets and maps
   * @returns `undefined` when there is no such object
   * @throws {CommandError} when the kernel can't be asked
   */
  list(what: string, options?: ListOptions): Promise<string | undefined>
}

export interface ListOptions {
  readonly isTerse?: boolean
  /** That of all commands, unless given. */
  readonly timeoutMs?: number
}

/** What nft says of an object that is not there. */
const NOT_FOUND = 'No such file or directory'

/** One run of the `nft` command for each call. */
export function nftCommand(run: RunCommand): Nft {
  return {
    async load(script) {
      await mustRun(run, ['nft', '-f', '-'], script)
    },
    async check(script) {
      await mustRun(run, ['nft', '-c', '-f', '-'], script)
    },
    async list(what, { isTerse = false, timeoutMs } = {}) {
      const command = ['nft', '-n', '-j', ...(isTerse ? ['-t'] : []), 'list', ...what.split(' ')]
      const result = await run(command, '', timeoutMs)
      if (result.code === 0) return result.stdout
      if (result.stderr.includes(NOT_FOUND)) return undefined
      throw failureOf(command, result)
    },
  }
}

/** As a failed `nft` command would be told of. */
export function nftFailure(action: string, words: string): CommandError {
  return failureOf(['nft', action], { code: 1, stdout: '', stderr: words })
}
