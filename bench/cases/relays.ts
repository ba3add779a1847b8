import { measureFailover } from '../src/relays/failover.ts'
import { measureIdleAgent } from '../src/relays/idle-agent.ts'
import { measureManyAgents } from '../src/relays/many-agents.ts'
import { TwoRelaysScene } from '../src/relays/two-relays-scene.ts'
import type { BenchCase } from './case.ts'

const MANY = { agents: 1_000, restMs: 10_000, idleMs: 30_000 }
const IDLE_MS = 60_000
const FAILOVERS = 2

export const relays: BenchCase = {
  name: 'relays',
  summary:
    'one tunnel server with 1,000 agents: footprint, enrolment, restarts; two servers: failover, idle bytes; AGENTS=n changes the number',
  async run(onStep) {
    const agents = Number(process.env['AGENTS'] ?? MANY.agents)
    const results = await measureManyAgents({ ...MANY, agents }, onStep)
    await using scene = await TwoRelaysScene.start(onStep)
    results.push(...(await measureFailover(scene, FAILOVERS, onStep)))
    onStep(`an agent at rest for ${IDLE_MS / 1_000} s`)
    results.push(...(await measureIdleAgent(scene, IDLE_MS)))
    return results
  },
}
