import type { LabHost } from '@edgeway/testbed'
import { runClient } from '../program.ts'
import { SteadyProgram } from '../steady-program.ts'

const PROGRAM = new URL('many-grpc-calls.ts', import.meta.url)
const PORT = 80
const TIMEOUT_MS = 110_000

/** What `many-grpc-calls.ts` writes. */
export interface GrpcCallsReport {
  /** By the pod that answered. */
  readonly answers: Readonly<Record<string, number>>
  /** How many failed, by status and words. */
  readonly failed: Readonly<Record<string, number>>
}

export interface GrpcCallsOptions {
  /** The Service's name; its port is 80. */
  readonly service: string
  readonly atOnce: number
}

/** So many unary calls on one connection. */
export function callManyGrpc(
  host: LabHost,
  { service, atOnce, count }: GrpcCallsOptions & { readonly count: number },
): Promise<GrpcCallsReport> {
  return runClient(host, { file: PROGRAM, args: [service, PORT, atOnce, count] }, TIMEOUT_MS)
}

/** Unary calls on one connection, over and over, until it is stopped. */
export function startGrpcCalls(
  host: LabHost,
  { service, atOnce }: GrpcCallsOptions,
): SteadyProgram<GrpcCallsReport> {
  return SteadyProgram.start(host, { file: PROGRAM, args: [service, PORT, atOnce] })
}
