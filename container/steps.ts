import { spawn } from 'node:child_process'
import { join } from 'node:path'

export const REPOSITORY = join(import.meta.dirname, '..')

/** A step of the build that did not come to its end; says which, and why. */
export class StepError extends Error {}

export interface StepOptions {
  /** Where it runs. */
  readonly folder: string
  /** Ends it. */
  readonly stop: AbortSignal
}

/**
 * Runs one step of a build, with its output on the terminal.
 *
 * @param what - for people, e.g. "installing packages"
 * @throws {StepError} when it fails, when its program is not there, or when it was stopped
 */
export async function runStep(
  what: string,
  [file = '', ...args]: readonly string[],
  { folder, stop }: StepOptions,
): Promise<void> {
  if (stop.aborted) throw new StepError(`${what}: stopped`)
  process.stderr.write(`image: ${what} …\n`)
  const started = performance.now()
  const child = spawn(file, args, {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    // pnpm neither asks nor draws.
    env: { ...process.env, CI: 'true' },
  })
  const end = (): void => void child.kill('SIGTERM')
  stop.addEventListener('abort', end)
  const outcome = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
  stop.removeEventListener('abort', end)
  if (outcome !== 'exit code 0') throw new StepError(`${what} failed: ${outcome}`)
  process.stderr.write(`image: ${what}: done in ${Math.round((performance.now() - started) / 1_000)} s\n`)
}
