import { measureParts } from '../src/part.ts'
import { Scene } from '../src/scene.ts'
import { IDLE_PART } from '../src/traffic/idle.ts'
import { type TrafficPart, trafficPlanOf } from '../src/traffic/plan.ts'
import { TCP_PARTS } from '../src/traffic/tcp.ts'
import { UDP_PART } from '../src/traffic/udp.ts'
import type { BenchCase } from './case.ts'

/** In the order in which they run: the last one starts the agent anew. */
const PARTS: readonly TrafficPart[] = [...TCP_PARTS, UDP_PART, IDLE_PART]
const NAMES = PARTS.map(({ name }) => name)

export const traffic: BenchCase = {
  name: 'traffic',
  summary: `client and pod on one node, through the agent, TCP and UDP; against direct, kernel DNAT and haproxy; PARTS=${NAMES.join(',')} chooses, PAIRS=n and IDLE=n shorten it`,
  async run(onStep) {
    const plan = trafficPlanOf(process.env, NAMES)
    await using scene = await Scene.start(onStep)
    return await measureParts(PARTS, { scene, plan, onStep })
  },
}
