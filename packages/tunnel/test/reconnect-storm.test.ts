import { readFile } from 'node:fs/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { SharedRecords } from './simulated/shared-records.ts'
import { SimulatedAgent } from './simulated/simulated-agent.ts'
import { SmallMesh, until } from './small-mesh.ts'

const AGENTS = 60
const TIMEOUT_MS = 60_000
const NOBODY = { attempted: () => {}, joined: () => {}, troubled: () => {} }

describe('many agents that come back at once', () => {
  const stack = new AsyncDisposableStack()
  afterEach(() => stack.disposeAsync())

  it(
    'are told nothing that they know: a restart of their tunnel server changes no record',
    async () => {
      const mesh = stack.use(await SmallMesh.create())
      const { server } = await mesh.server()
      const joinToken = (await readFile(mesh.joinTokenFile, 'utf8')).trim()
      const records = new SharedRecords()
      const agents = await Promise.all(
        Array.from({ length: AGENTS }, async (_, index) => {
          const name = `edge-${index}`
          const servers = [mesh.serverAddress]
          const options = { name, servers, joinToken, records, observer: NOBODY }
          return stack.use(await SimulatedAgent.start(options))
        }),
      )
      const areJoined = (): boolean => agents.every(({ joinedAt }) => joinedAt !== undefined)
      const knowAll = (): boolean => agents.every((agent) => agents.every((other) => knows(agent, other)))
      await until(() => areJoined() && knowAll(), 'all are joined and know each other')
      const before = records.received

      await server[Symbol.asyncDispose]()
      await until(() => agents.every(({ joinedAt }) => joinedAt === undefined), 'all have lost the server')
      await mesh.server()
      await until(areJoined, 'all are joined again')

      // One each is the server's own; a broadcast of each to all would be 3,600.
      expect(records.received - before).toBeLessThan(2 * AGENTS)
    },
    TIMEOUT_MS,
  )
})

/** Whether it has the newest version of the other's record. */
function knows({ book, record }: SimulatedAgent, other: SimulatedAgent): boolean {
  if (record === undefined || other.record === undefined) return false
  const { peerId, seq } = other.record
  return peerId === record.peerId || book.byPeerId(peerId)?.seq === seq
}
