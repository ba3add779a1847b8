import { fileURLToPath } from 'node:url'
import { type LabHost, LabPod, type LabProcess } from '@edgeway/testbed'

/** Enough for a message of 64 MiB at each end, and little beside what is under test. */
const NODE_FLAGS = ['--max-old-space-size=256', '--single-threaded-gc']

/** A server's line on standard output once it accepts connections, see `announce`. */
const READY = /^\{"listening":\d+\}$/m

const DEFAULT_TIMEOUT_MS = 60_000

/** A program of the scenarios with what it is told; numbers and texts alike become words of its command line. */
export interface Program {
  readonly file: URL
  readonly args: readonly (string | number)[]
}

/**
 * Starts a server on a pod or node. Its last arguments are its name and node. Resolves when it accepts connections.
 *
 * @throws {LabError} with its output when it ends before
 */
export async function startServer(host: LabHost, { file, args }: Program): Promise<LabProcess> {
  const node = host instanceof LabPod ? host.node.name : host.name
  const started = start(host, { file, args: [...args, host.name, node] })
  await started.waitForOutput(READY)
  return started
}

/** Starts a program that goes on until it is told to end. */
export function start(host: LabHost, { file, args }: Program): LabProcess {
  return host.spawn([process.execPath, ...NODE_FLAGS, fileURLToPath(file), ...args.map(String)])
}

/**
 * Runs a client to its end.
 *
 * @returns what it wrote, as JSON
 * @throws {Error} with its words when it fails
 */
export async function runClient<Result>(
  host: LabHost,
  { file, args }: Program,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<Result> {
  const command = [process.execPath, ...NODE_FLAGS, fileURLToPath(file), ...args.map(String)]
  const { code, stdout, stderr } = await host.exec(command, { timeoutMs })
  if (code !== 0) throw new Error(`${fileURLToPath(file)} failed with code ${code}: ${stderr}${stdout}`)
  return JSON.parse(stdout)
}
