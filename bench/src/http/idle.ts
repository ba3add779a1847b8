import { descriptorLimit } from '../descriptors.ts'
import { HTTP_PROXIES } from '../peers/http-proxies.ts'
import { type IdleMemory, idleMemory, raiseDescriptors } from '../probes/idle-memory.ts'
import { compare, type Result } from '../result.ts'
import type { Contender } from '../scene.ts'
import type { HttpScene } from './http-scene.ts'
import { BENCH_HTTP, type HttpContext, type HttpPart } from './plan.ts'
import { HTTP_PORTS } from './routes.ts'

const CARRIERS = ['edgeway', ...HTTP_PROXIES] as const
type Carrier = (typeof CARRIERS)[number]

const KB = 1e3
const MB = 1e6

/** Many keep-alive connections between two requests: memory of the agent, of haproxy and of nginx, each started anew. */
export const IDLE_PART: HttpPart = {
  name: 'idle',
  figures: ({ idleConnections }) =>
    Object.values(namesOf(idleConnections)).map((name) => ({ ...name, referenceName: 'haproxy' })),
  measure,
}

function namesOf(count: number) {
  const name = { bench: BENCH_HTTP, case: `${count} idle keep-alive connections` }
  return {
    perConnection: { ...name, metric: 'RSS growth per connection', unit: 'kB' },
    perLaterConnection: { ...name, metric: 'RSS growth per connection, second half', unit: 'kB' },
    total: { ...name, metric: 'RSS', unit: 'MB' },
  }
}

async function measure({ scene, plan, onStep }: HttpContext): Promise<Result[]> {
  const { pairs, idleConnections: count } = plan
  const memories = new Map(CARRIERS.map((carrier): [Carrier, IdleMemory[]] => [carrier, []]))
  for (let pair = 1; pair <= pairs; pair++)
    for (const carrier of pair % 2 === 1 ? CARRIERS : CARRIERS.toReversed()) {
      onStep(`${count} idle connections: ${carrier}, pair ${pair} of ${pairs}`)
      memories.get(carrier)?.push(await memoryOf(scene, carrier, count))
    }
  const names = namesOf(count)
  const compared = (figure: keyof IdleMemory, unit: number): Result[] => {
    const [ours = [], ...others] = CARRIERS.map((one) => memories.get(one)?.map((m) => m[figure] / unit))
    return HTTP_PROXIES.map((name, index) =>
      compare(names[figure], ours, { name, values: others[index] ?? [] }),
    )
  }
  return [...compared('perConnection', KB), ...compared('perLaterConnection', KB), ...compared('total', MB)]
}

async function memoryOf(scene: HttpScene, carrier: Carrier, count: number): Promise<IdleMemory> {
  const descriptors = await descriptorLimit()
  await (carrier === 'edgeway' ? scene.restartAgent() : scene.restartProxy(carrier))
  const { ip, pid } = wayBy(scene, carrier)
  await raiseDescriptors(scene.client, pid, descriptors)
  const { client } = scene
  const memory = await idleMemory({
    client,
    protocol: 'http',
    ip,
    port: HTTP_PORTS.http,
    count,
    descriptors: descriptors.most,
    pid,
  })
  if (carrier === 'edgeway' && (await scene.requestsSeen('http1')) === 0)
    throw new Error('the agent looked at no request')
  return memory
}

function wayBy(scene: HttpScene, carrier: Carrier): { readonly ip: string; readonly pid: number } {
  const { ours, references } = scene.waysTo('one')
  const way: Contender | undefined = [ours, ...references].find(({ name }) => name === carrier)
  const [pid] = way?.pids ?? []
  if (way === undefined || pid === undefined) throw new Error(`no way by ${carrier}`)
  return { ip: way.ip, pid }
}
