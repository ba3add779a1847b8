/** `main.ts ORDER`: agents that a tunnel server takes for real ones, many in one process; tells its parent over IPC how they fare. */
import type { SimulatedOrder, SimulatedReport, SimulatedRequest } from '@edgeway/testbed'
import { SharedRecords } from './shared-records.ts'
import { SimulatedAgent } from './simulated-agent.ts'

const order = JSON.parse(process.argv[2] ?? '') as SimulatedOrder
const agents: SimulatedAgent[] = []
const records = new SharedRecords()
const counts = { attempts: 0, joins: 0 }
const troubles: Record<string, number> = {}
let named = 0

process.on('message', (request: SimulatedRequest) => {
  if (request.type === 'start') void start(request.count)
  else process.send?.(report())
})
// Whoever asked is gone.
process.on('disconnect', () => process.exit())

async function start(count: number): Promise<void> {
  const { servers, joinToken, prefix } = order
  const names = Array.from({ length: count }, () => `${prefix}-${++named}`)
  const observer = {
    attempted: () => counts.attempts++,
    joined: () => counts.joins++,
    troubled: (trouble: string) => {
      troubles[trouble] = (troubles[trouble] ?? 0) + 1
    },
  }
  await Promise.all(
    names.map(async (name) => {
      agents.push(await SimulatedAgent.start({ name, servers, joinToken, records, observer }))
    }),
  )
}

function report(): SimulatedReport {
  return {
    type: 'report',
    joinedAt: agents.map(({ joinedAt }) => joinedAt).filter((at) => at !== undefined),
    ...counts,
    troubles,
    records: records.received,
    leastPeers: agents.length === 0 ? 0 : Math.min(...agents.map(({ book }) => book.size)),
  }
}
