import { setTimeout as delay } from 'node:timers/promises'
import { makeServices, untilInEffect } from '../src/many-services.ts'
import { absolute, type Result } from '../src/result.ts'
import { Scene } from '../src/scene.ts'
import type { BenchCase } from './case.ts'

const MB = 1e6
const SERVICE_COUNTS = [15, 1_000, 10_000]
/** Memory is looked at once the agent has had that long to come to rest after it is in sync. */
const REST_MS = 10_000

export const footprint: BenchCase = {
  name: 'footprint',
  summary:
    'resident memory at rest: tunnel server, and an agent with 15, 1,000 and 10,000 Services of 3 endpoints',
  async run(onStep) {
    await using scene = await Scene.start(onStep)
    const { mesh } = scene
    const agent = mesh.agent('edge-1')
    const results: Result[] = []
    let there = 0
    for (const count of SERVICE_COUNTS) {
      onStep(`${count} Services`)
      await makeServices(mesh, { from: there, to: count, node: 'edge-2' })
      there = count
      await untilInEffect(mesh, 'edge-1', count)
      // A fresh agent: what its start needed is part of its footprint, what earlier steps left is not.
      await agent.stop()
      await agent.start()
      await untilInEffect(mesh, 'edge-1', count)
      await delay(REST_MS)
      results.push(rss(`agent, ${count} Services`, (await agent.memory()).now))
    }
    return [...results, rss('tunnel server, 3 agents', (await mesh.server.memory()).now)]
  },
}

function rss(name: string, bytes: number): Result {
  return absolute({ bench: 'footprint', case: name, metric: 'RSS', unit: 'MB' }, [bytes / MB])
}
