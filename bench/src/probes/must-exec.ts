import type { LabHost } from '@edgeway/testbed'

const TIMEOUT_MS = 60_000

/**
 * @returns what the command wrote
 * @throws {Error} with its words when it fails
 */
export async function mustExec(host: LabHost, command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await host.exec(command, { timeoutMs: TIMEOUT_MS })
  if (code === 0) return stdout
  throw new Error(`${command.join(' ')} on ${host.name} failed (${code}): ${(stderr || stdout).trim()}`)
}
