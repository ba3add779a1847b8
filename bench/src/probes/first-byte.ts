import { fileURLToPath } from 'node:url'
import type { LabHost } from '@edgeway/testbed'
import { mustExec } from './must-exec.ts'

const CLIENT = fileURLToPath(new URL('./first-byte-client.ts', import.meta.url))

/**
 * Milliseconds from the begin of a connection to its first byte back, of several to an echo server one after the other.
 *
 * @throws {Error} when none came for one of them
 */
export async function firstBytes(
  client: LabHost,
  { ip, port, count }: { readonly ip: string; readonly port: number; readonly count: number },
): Promise<readonly number[]> {
  const output = await mustExec(client, [process.execPath, CLIENT, ip, String(port), String(count)])
  const times = JSON.parse(output) as readonly (number | null)[]
  return times.map((ms) => {
    if (ms === null) throw new Error(`a connection to ${ip}:${port} brought no byte`)
    return ms
  })
}
