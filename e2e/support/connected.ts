import { setTimeout as delay } from 'node:timers/promises'
import type { LabHost } from '@edgeway/testbed'

const RETRY_MS = 50
const DEADLINE_MS = 60_000

/**
 * Connects to Services by their names until each accepts.
 *
 * @throws {Error} when one does not within a minute
 */
export async function whenConnected(
  host: LabHost,
  services: readonly { readonly namespace: string; readonly name: string; readonly port: number }[],
): Promise<void> {
  await Promise.all(
    services.map(({ namespace, name, port }) => whenOneConnected(host, `${name}.${namespace}/${port}`)),
  )
}

async function whenOneConnected(host: LabHost, target: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS
  const command = ['timeout', '3', 'bash', '-c', `exec 3<>/dev/tcp/${target}`]
  while ((await host.exec(command)).code !== 0) {
    if (Date.now() > deadline) throw new Error(`${target} still accepts no connection`)
    await delay(RETRY_MS)
  }
}
