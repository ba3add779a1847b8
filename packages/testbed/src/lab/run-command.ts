import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { LabError } from './errors.ts'

/** Added to the environment of this process; `undefined` takes a variable away. */
export type Environment = Readonly<Record<string, string | undefined>>

export interface CommandOptions {
  /** Written to the command's standard input, which is then closed. */
  readonly input?: string
  /** After that the command's process group is killed and the call rejects; 30 s unless given. */
  readonly timeoutMs?: number
  readonly env?: Environment
}

export interface CommandResult {
  /** The exit code; 128 for a command that a signal ended. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const DEFAULT_TIMEOUT_MS = 30_000

/**
 * Runs a command to its end. A non-zero exit code is a result, not an error.
 *
 * @throws {LabError} when the command can't be started or does not end in time
 */
export async function runCommand(
  command: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const [file = '', ...args] = command
  const child = spawn(file, args, { detached: true, env: { ...process.env, ...options.env } })
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  const output = { stdout: '', stderr: '' }
  let late = false
  const timer = setTimeout(() => {
    late = true
    killGroup(child)
    // Who left the group may hold the pipes open for ever.
    child.stdout.destroy()
    child.stderr.destroy()
  }, timeoutMs)
  try {
    // A command that ends before it read its input closes the pipe: its exit code says what happened.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text
      })
    const [code] = await once(child, 'close')
    if (!late) return { code: typeof code === 'number' ? code : 128, ...output }
  } catch (error) {
    throw new LabError(`can't run "${command.join(' ')}"`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
  const { stdout, stderr } = output
  throw new LabError(`"${command.join(' ')}" did not end within ${timeoutMs} ms: ${stdout}${stderr}`)
}

/**
 * Runs a command that is expected to succeed.
 *
 * @returns what it wrote to standard output
 * @throws {LabError} with the command's own words when it fails
 */
export async function mustRun(command: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command, options)
  if (code === 0) return stdout
  throw new LabError(`"${command.join(' ')}" failed with code ${code}: ${stderr || stdout}`)
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The whole group has just ended by itself.
  }
}
