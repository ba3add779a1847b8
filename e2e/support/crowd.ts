import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { LabHost, Mesh, SimulatedOrder, SimulatedReport, SimulatedRequest } from '@edgeway/testbed'

const MAIN = fileURLToPath(new URL('../../packages/tunnel/test/simulated/main.ts', import.meta.url))
const JOINED_WITHIN_MS = 90_000
const POLL_MS = 200

/**
 * Lets that many nodes join the tunnel server, and leave at once: their records stay in the registry.
 *
 * @throws {Error} when they have not joined in time
 */
export async function leaveRecords(mesh: Mesh, host: LabHost, count: number): Promise<void> {
  const servers = mesh.servers.map((server) => `${server.host.address}:20006`)
  const order: SimulatedOrder = { servers, joinToken: (await mesh.joinToken()).trim(), prefix: 'crowd' }
  const inside = ['netns', 'exec', host.namespace.name, process.execPath]
  const child = fork(MAIN, [JSON.stringify(order)], { execPath: 'ip', execArgv: inside })
  const tell = (request: SimulatedRequest): boolean => child.send(request)
  tell({ type: 'start', count })
  const ended = once(child, 'exit')
  try {
    const deadline = AbortSignal.timeout(JOINED_WITHIN_MS)
    for (;;) {
      const answer = once(child, 'message', { signal: deadline })
      tell({ type: 'report' })
      const [report] = (await answer) as [SimulatedReport]
      const known = await mesh.server.metric('edgeway_tunnel_server_members')
      if (report.joinedAt.length === count && known > count) return
      await delay(POLL_MS)
    }
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}
