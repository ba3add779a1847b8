import { HttpScene } from '../src/http/http-scene.ts'
import { IDLE_PART } from '../src/http/idle.ts'
import { LOAD_PARTS } from '../src/http/loads.ts'
import { type HttpPart, httpPlanOf } from '../src/http/plan.ts'
import { measureParts } from '../src/part.ts'
import type { BenchCase } from './case.ts'

/** In the order in which they run: the last one starts the agent anew. */
const PARTS: readonly HttpPart[] = [...LOAD_PARTS, IDLE_PART]
const NAMES = PARTS.map(({ name }) => name)

export const http: BenchCase = {
  name: 'http',
  summary: `requests of HTTP/1.1, HTTP/2 and gRPC through the agent at L7, on one node and between two sites; against direct, haproxy in HTTP mode and nginx; PARTS=${NAMES.join(',')} chooses, PAIRS=n and IDLE=n shorten it`,
  async run(onStep) {
    const plan = httpPlanOf(process.env, NAMES)
    await using scene = await HttpScene.start(onStep)
    return await measureParts(PARTS, { scene, plan, onStep })
  },
}
