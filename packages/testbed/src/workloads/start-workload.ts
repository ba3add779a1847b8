import { fileURLToPath } from 'node:url'
import { type LabHost, LabPod } from '../lab/lab-host.ts'
import type { LabProcess } from '../lab/lab-process.ts'
import type { ReadyLine } from './workload-flags.ts'

export interface WorkloadOptions {
  /** 0 for any free one. */
  readonly port: number
  /** All addresses unless given. */
  readonly listenHost?: string
  /** What the workload calls itself; the host's name unless given. */
  readonly name?: string
}

/** A workload that serves: disposing it ends it. */
export interface Workload extends AsyncDisposable {
  readonly process: LabProcess
  /** The host's address. */
  readonly address: string
  readonly port: number
}

/** A JavaScript heap of that many megabytes is plenty, and several workloads run beside what is measured. */
const NODE_FLAGS = ['--max-old-space-size=64', '--max-semi-space-size=2', '--single-threaded-gc']

/** Starts `http-echo.ts`, see there, on a pod or node. Resolves when it accepts connections. */
export function startHttpEcho(host: LabHost, options: WorkloadOptions): Promise<Workload> {
  return startWorkload('http-echo', host, options)
}

/** Starts `tcp-greeter.ts`, a server that speaks first, on a pod or node. Resolves when it accepts connections. */
export function startTcpGreeter(host: LabHost, options: WorkloadOptions): Promise<Workload> {
  return startWorkload('tcp-greeter', host, options)
}

/** Starts `tcp-echo.ts`, which sends back every byte, on a pod or node. Resolves when it accepts connections. */
export function startTcpEcho(host: LabHost, options: WorkloadOptions): Promise<Workload> {
  return startWorkload('tcp-echo', host, options)
}

async function startWorkload(program: string, host: LabHost, options: WorkloadOptions): Promise<Workload> {
  const { listenHost = '0.0.0.0', port, name = host.name } = options
  const file = fileURLToPath(new URL(`./${program}.ts`, import.meta.url))
  const node = host instanceof LabPod ? host.node.name : host.name
  const flags = { host: listenHost, port, name, node }
  const started = host.spawn([
    process.execPath,
    ...NODE_FLAGS,
    file,
    ...Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
  ])
  const [line] = await started.waitForOutput(/^\{"listening":.*\}$/m)
  const { listening } = JSON.parse(line) as ReadyLine
  return {
    process: started,
    address: host.address,
    port: listening.port,
    [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
  }
}
