import type { LabHost } from '@edgeway/testbed'
import { mustExec } from './must-exec.ts'

export const IPERF_PORT = 5201

export interface Transfer {
  readonly mbitPerSecond: number
  readonly bytes: number
}

/** Sends as much as possible for that long. */
export async function iperf3(
  client: LabHost,
  ip: string,
  { flows, seconds }: { readonly flows: number; readonly seconds: number },
): Promise<Transfer> {
  const target = ['--client', ip, '--port', String(IPERF_PORT), '--connect-timeout', '5000']
  const load = ['--parallel', String(flows), '--time', String(seconds)]
  return parseIperf3(await mustExec(client, ['iperf3', '--json', ...target, ...load]))
}

/** @param text - what `iperf3 --json` writes */
export function parseIperf3(text: string): Transfer {
  const { end } = JSON.parse(text) as {
    readonly end: { readonly sum_received: { readonly bits_per_second: number; readonly bytes: number } }
  }
  const { bits_per_second, bytes } = end.sum_received
  return { mbitPerSecond: bits_per_second / 1e6, bytes }
}
