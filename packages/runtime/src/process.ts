import { constants, hostname } from 'node:os'
import { GroupIdError } from './errors.ts'
import { createLogger } from './log.ts'

/** The process stops cleanly; a failure; a wrong command line. */
export const EXIT_CODE = { ok: 0, failure: 1, usage: 2 } as const

export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE]

/**
 * How long a stop may take before the process exits regardless, in milliseconds. Below Kubernetes' default
 * `terminationGracePeriodSeconds` of 30, so that the log says what hung.
 */
const STOP_DEADLINE_MS = 25_000

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** What a program may know of and ask of its process. Nothing else in the product touches `process`. */
export interface ProcessHost {
  /** The command line after the program's own name. */
  readonly args: readonly string[]
  /** `NODE_NAME` of the environment (downward API), else the host name as the kubelet takes it: in lower case. */
  readonly nodeName: string
  /** What a pod is told of its API server (`KUBERNETES_SERVICE_HOST` and `_PORT`); `undefined` where it is not. */
  readonly apiServer: { readonly host: string; readonly port: string } | undefined
  /** Aborts when the process is to stop: at the first SIGTERM or SIGINT, or by `fail`. */
  readonly shutdown: AbortSignal
  /** Makes the process stop with exit code 1. */
  fail(): void
  /**
   * Runs the process under that group id from here on. Sockets carry the group id under which they were opened, so
   * this comes before the first one.
   *
   * @throws {GroupIdError} without the right to do so
   */
  setGroupId(groupId: number): void
  print(text: string): void
  printError(text: string): void
}

/**
 * Runs a program as this process: the first SIGTERM or SIGINT aborts `shutdown`, the second exits at once, and so
 * does a stop that takes too long. The process ends when `main` does, with the exit code that it returns, or 0 when
 * `main` rejects because of the stop. Any other error is logged and ends the process at once with exit code 1.
 */
export async function runProcess(main: (host: ProcessHost) => Promise<ExitCode>): Promise<never> {
  process.on('uncaughtException', exitByError)

  const stop = new AbortController()
  let failed = false
  let signalled = false
  const fail = (): void => {
    failed = true
    stop.abort()
  }
  for (const signal of STOP_SIGNALS) {
    process.on(signal, () => {
      if (signalled) process.exit(128 + constants.signals[signal])
      signalled = true
      stop.abort()
    })
  }
  stop.signal.addEventListener('abort', exitAtDeadline)

  try {
    const exitCode = await main(createHost(stop.signal, fail))
    process.exit(failed ? EXIT_CODE.failure : exitCode)
  } catch (error) {
    if (!isStop(error, stop.signal)) exitByError(error)
    process.exit(failed ? EXIT_CODE.failure : EXIT_CODE.ok)
  }
}

/** Whether that is how something rejects that waited when the stop came: with its reason, or caused by it. */
function isStop(error: unknown, { aborted, reason }: AbortSignal): boolean {
  return aborted && (error === reason || (error instanceof Error && error.cause === reason))
}

function createHost(shutdown: AbortSignal, fail: () => void): ProcessHost {
  return {
    args: process.argv.slice(2),
    nodeName: process.env['NODE_NAME'] || hostname().toLowerCase(),
    apiServer: apiServerOf(process.env),
    shutdown,
    fail,
    setGroupId,
    print: (text) => void process.stdout.write(`${text}\n`),
    printError: (text) => void process.stderr.write(`${text}\n`),
  }
}

function apiServerOf({
  KUBERNETES_SERVICE_HOST: host = '',
  KUBERNETES_SERVICE_PORT: port = '',
}: NodeJS.ProcessEnv): ProcessHost['apiServer'] {
  return host === '' ? undefined : { host, port }
}

function setGroupId(groupId: number): void {
  try {
    process.setegid?.(groupId)
  } catch (cause) {
    throw new GroupIdError(`can't run under group id ${groupId}: run as root or with CAP_SETGID`, { cause })
  }
}

function exitByError(error: unknown): never {
  createLogger({ level: 'error' }).error('the process failed', { error })
  process.exit(EXIT_CODE.failure)
}

function exitAtDeadline(): void {
  const exit = (): never => {
    createLogger({ level: 'error' }).error('the stop took too long', { deadlineMs: STOP_DEADLINE_MS })
    process.exit(EXIT_CODE.failure)
  }
  // Keeps the process alive: a stop that waits for nothing would else end it with exit code 13 and no log line.
  setTimeout(exit, STOP_DEADLINE_MS)
}
