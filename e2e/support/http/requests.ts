import type { LabHost } from '@edgeway/testbed'
import { runClient } from '../program.ts'
import { SteadyProgram } from '../steady-program.ts'
import type { RequestsReport } from './requests-report.ts'

const PROGRAM = new URL('many-requests.ts', import.meta.url)
const PORT = 80
const TIMEOUT_MS = 110_000

export interface RequestsOptions {
  /** The Service's name; its port is 80. */
  readonly service: string
  /** `GET` unless given. */
  readonly method?: 'GET' | 'POST' | 'PUT'
  /** On so many connections. */
  readonly atOnce: number
}

/** So many requests on keep-alive connections. */
export function requestMany(
  host: LabHost,
  { service, method = 'GET', atOnce, count }: RequestsOptions & { readonly count: number },
): Promise<RequestsReport> {
  const args = [service, PORT, method, atOnce, count]
  return runClient(host, { file: PROGRAM, args }, TIMEOUT_MS)
}

/** Requests on keep-alive connections, over and over, until it is stopped. */
export function startRequests(
  host: LabHost,
  { service, method = 'GET', atOnce }: RequestsOptions,
): SteadyProgram<RequestsReport> {
  return SteadyProgram.start(host, { file: PROGRAM, args: [service, PORT, method, atOnce] })
}
