import type { Result } from '../result.ts'
import { ByteCounter } from './byte-counter.ts'
import { figuresOf } from './figures.ts'
import { type Spent, spentWithin } from './spent.ts'
import type { TwoRelaysScene } from './two-relays-scene.ts'

/** All but those of the API server, which MetaServer on the node asks over the same link. */
export const API_PORTS = '!= { 6443, 8080 }'
const SECONDS_PER_HOUR = 3_600
const MB = 1e6

/** What an agent sends and receives while nothing happens: joined to two tunnel servers and connected to a peer. */
export async function measureIdleAgent(scene: TwoRelaysScene, idleMs: number): Promise<Result[]> {
  const [agent] = scene.ends
  if (agent === undefined) throw new Error('there is no agent')
  await using counter = await ByteCounter.start(agent.host, { ofOthers: API_PORTS })
  const spent = await spentWithin(idleMs, agent.pid, counter)
  return figuresOf('agent, two servers', {
    'idle MB/h': [perHour(spent), 'MB/h'],
    'idle CPU %': [(spent.cpuSeconds / spent.seconds) * 100, '%'],
  })
}

/** Both directions together, in MB. */
export function perHour({ seconds, bytes }: Spent): number {
  return ((bytes.received + bytes.sent) / MB / seconds) * SECONDS_PER_HOUR
}
