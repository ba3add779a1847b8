import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { CommandError } from '../errors.ts'

export interface CommandResult {
  /** The exit code. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a command to its end; a non-zero exit code is a result.
 *
 * @param input - written to the command's standard input
 * @param timeoutMs - then it is killed; 30 s, unless given
 * @throws {CommandError} when it can't be started or does not end in time
 */
export type RunCommand = (
  command: readonly string[],
  input?: string,
  timeoutMs?: number,
) => Promise<CommandResult>

/** A load of 10,000 ServicePorts takes 0.4 s on a server; this leaves room for a small board under load. */
const TIMEOUT_MS = 30_000

/** Where Debian keeps `nft` and `ip`, whatever the agent was started with; and error texts in English. */
const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
}

const DEBIAN_PACKAGES: Readonly<Record<string, string>> = {
  conntrack: 'conntrack',
  ip: 'iproute2',
  ipset: 'ipset',
  nft: 'nftables',
}

/** Longer error texts are cut: nft repeats every line of its input that it refuses. */
const MAX_REASON_LENGTH = 1_000

/** Runs the command in this process's own network namespace. */
export const runCommand: RunCommand = async (command, input = '', timeoutMs = TIMEOUT_MS) => {
  const child = await startCommand(command)
  // A command that ends before it read its input closes the pipe: its exit code says what happened.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  // Not the option `timeout` of spawn, whose timer outlives a child that never started.
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  try {
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    if (typeof code === 'number') return { code, stdout, stderr }
  } finally {
    clearTimeout(timer)
  }
  throw new CommandError(command, { reason: `was killed: by somebody, or since it ran for ${timeoutMs} ms` })
}

/**
 * Starts a command in this process's own network namespace, with pipes.
 *
 * @throws {CommandError} when it can't be started
 */
export async function startCommand(command: readonly string[]): Promise<ChildProcessWithoutNullStreams> {
  const [file = '', ...args] = command
  try {
    const child = spawn(file, args, { env: ENVIRONMENT })
    // One that could not be started has no pipes: they are not to be touched before.
    await once(child, 'spawn')
    return child
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    const reason = `can't be started: ${words}`
    throw new CommandError(command, { reason, remedy: packageHint(file, words) }, { cause: error })
  }
}

/**
 * Runs a command that is expected to succeed.
 *
 * @returns what it wrote to standard output
 * @throws {CommandError} with the command's own words and what to do about them
 */
export async function mustRun(run: RunCommand, command: readonly string[], input?: string): Promise<string> {
  const result = await run(command, input)
  if (result.code === 0) return result.stdout
  throw failureOf(command, result)
}

/** The error for a command that ended with a non-zero exit code. */
export function failureOf(command: readonly string[], { code, stdout, stderr }: CommandResult): CommandError {
  const words = (stderr.trim() || stdout.trim()).slice(0, MAX_REASON_LENGTH)
  const reason = `failed with exit code ${code}: ${words}`
  return new CommandError(command, { reason, remedy: remedyFor(command, words) })
}

function packageHint(file: string, words: string): string | undefined {
  const name = DEBIAN_PACKAGES[file]
  return name === undefined || !words.includes('ENOENT')
    ? undefined
    : `Install it; on Debian: apt-get install ${name}`
}

function remedyFor([file]: readonly string[], words: string): string | undefined {
  if (/not permitted|permission denied|must be root/i.test(words))
    return 'Run the agent as root or with the capability CAP_NET_ADMIN'
  if (file === 'nft' && /not supported|could not process rule/i.test(words))
    return 'If that is a kernel feature: Linux 5.2 or newer with nf_tables, nft_chain_nat, nft_ct, nft_reject_inet is needed'
  return undefined
}
