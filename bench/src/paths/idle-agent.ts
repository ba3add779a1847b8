import { ByteCounter } from '../relays/byte-counter.ts'
import { figuresOf } from '../relays/figures.ts'
import { API_PORTS, perHour } from '../relays/idle-agent.ts'
import { spentWithin } from '../relays/spent.ts'
import { BENCH, type PathsPart } from './part.ts'
import { FAR, NEIGHBOUR, ThreeNodesScene } from './three-nodes-scene.ts'

const CASE = 'agent, neighbour, punched peer, two servers'

/** What an agent sends and receives while nothing happens. */
export const IDLE_PART: PathsPart = {
  name: 'idle',
  cases: [CASE],
  async measure({ idleSeconds }, onStep) {
    await using scene = await ThreeNodesScene.start(onStep)
    const { caller } = scene
    onStep(`an agent at rest for ${idleSeconds} s`)
    await using counter = await ByteCounter.start(caller.host, { ofOthers: API_PORTS, isWithUdp: true })
    const spent = await spentWithin(idleSeconds * 1_000, caller.pid, counter)
    for (const { path } of [NEIGHBOUR, FAR])
      if ((await caller.metric('edgeway_tunnel_connections', { path })) < 1)
        throw new Error(`the agent lost its ${path} path meanwhile`)
    const figures = {
      'idle MB/h': [perHour(spent), 'MB/h'],
      'idle CPU %': [(spent.cpuSeconds / spent.seconds) * 100, '%'],
    } as const
    return figuresOf(CASE, figures, BENCH)
  },
}
