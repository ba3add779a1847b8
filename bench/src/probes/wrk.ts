import type { LabHost } from '@edgeway/testbed'
import { mustExec } from './must-exec.ts'

/** Not that of the lab's API server, which is on the same node as a relaying peer. */
export const HTTP_PORT = 8081
const CONNECTIONS = 32

/** Requests per second with 32 connections, kept open or (`isClosing`) a new one for each request. */
export async function wrk(
  client: LabHost,
  ip: string,
  { isClosing, seconds }: { readonly isClosing: boolean; readonly seconds: number },
): Promise<number> {
  const header = isClosing ? ['--header', 'Connection: close'] : []
  const load = ['--threads', '1', '--connections', String(CONNECTIONS), '--duration', `${seconds}s`]
  return parseWrk(await mustExec(client, ['wrk', ...load, ...header, `http://${ip}:${HTTP_PORT}/`]))
}

/** @param text - what wrk writes */
export function parseWrk(text: string): number {
  const [, perSecond] = /^Requests\/sec:\s+([\d.]+)$/m.exec(text) ?? []
  if (perSecond === undefined) throw new Error(`wrk wrote no rate: ${text}`)
  return Number(perSecond)
}
