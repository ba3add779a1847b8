import type { LabHost } from '@edgeway/testbed'
import type { CallsReport } from './calls-report.ts'
import { runClient } from './program.ts'
import { SteadyProgram } from './steady-program.ts'

const PROGRAM = new URL('many-calls.ts', import.meta.url)
const PORT = 80
/** Ten thousand calls take a while on a loaded machine. */
const TIMEOUT_MS = 110_000

export interface LoadOptions {
  /** The Service's name or address; its port is 80. */
  readonly service: string
  readonly atOnce: number
}

/** So many calls from a host, each on a connection of its own. */
export function callMany(
  host: LabHost,
  { service, atOnce, count }: LoadOptions & { readonly count: number },
): Promise<CallsReport> {
  return runClient(host, { file: PROGRAM, args: [service, PORT, atOnce, count] }, TIMEOUT_MS)
}

/** Calls over and over, each on a connection of its own, until it is stopped. */
export function startLoad(host: LabHost, { service, atOnce }: LoadOptions): SteadyProgram<CallsReport> {
  return SteadyProgram.start(host, { file: PROGRAM, args: [service, PORT, atOnce] })
}
