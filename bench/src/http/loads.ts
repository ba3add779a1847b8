import { compareWays } from '../compare-ways.ts'
import type { Probe } from '../probe.ts'
import type { Result } from '../result.ts'
import type { Contender, Ways } from '../scene.ts'
import { DOWNLOAD } from './download.ts'
import { addedLatencyProbe, http1Probe, http2Probe } from './http-probes.ts'
import type { HttpScene } from './http-scene.ts'
import { grpcMessageFile, PATHS } from './origins.ts'
import { BENCH_HTTP, type HttpContext, type HttpPart } from './plan.ts'
import { HASH_HEADER, HTTP_PORTS, type RouteName } from './routes.ts'

/** What a part asks all ways to a route with. */
interface Load {
  readonly case: string
  readonly route: RouteName | 'far'
  probe(scene: HttpScene, ways: Ways): Probe
  readonly units: Probe['units']
}

const NOWHERE: Contender = { name: 'direct', ip: '', pids: [] }
/** What a ratio to a program in C says nothing of. */
const ALONE = ['RSS', 'RSS peak growth']
/** V8 compiles for good what has run some ten thousand times, on cores that are busy otherwise. */
const WARM_UP_REQUESTS = 150_000
const WARM_UP_RUNS = 8
const FEW_REQUESTS = 10
const CLOSING = ['Connection: close']
const CALL = { port: HTTP_PORTS.grpc, path: '/bench.Echo/Say' } as const
const CALL_HEADERS = ['content-type: application/grpc', 'te: trailers']

const KEEP_ALIVE = http1Probe('keep-alive', { path: PATHS.small })
const TEN_KB = http1Probe('10 KB', { path: PATHS.tenKb })
const CLOSE = http1Probe('one request per connection', { path: PATHS.small, headers: CLOSING })
const HASHED = http1Probe('header hash', { path: PATHS.small, headers: [`${HASH_HEADER}: alice`] })
const HTTP2 = http2Probe('HTTP/2', { port: HTTP_PORTS.http2, path: PATHS.small })
const GRPC = http2Probe('gRPC', CALL)

/** Requests through the agent at L7, and by the other ways. */
export const LOAD_PARTS: readonly HttpPart[] = [
  partOf('keep-alive', [
    loadOf('same node', 'one', KEEP_ALIVE),
    loadOf('same node, 3 endpoints', 'three', KEEP_ALIVE),
    loadOf('same node, 10 KB', 'one', TEN_KB),
  ]),
  partOf('close', [loadOf('same node, Connection: close', 'one', CLOSE)]),
  partOf('hash', [loadOf('header hash, 3 endpoints', 'hash', HASHED)]),
  partOf('latency', [
    {
      case: 'same node',
      route: 'one',
      units: addedLatencyProbe(NOWHERE).units,
      probe: (_, { references: [direct = NOWHERE] }) => addedLatencyProbe(direct),
    },
  ]),
  partOf('http2', [loadOf('HTTP/2, 3 endpoints', 'streams', HTTP2)]),
  partOf('grpc', [
    {
      case: 'gRPC, unary',
      route: 'calls',
      units: GRPC.units,
      probe: ({ mesh }) =>
        http2Probe('gRPC', { ...CALL, headers: CALL_HEADERS, body: grpcMessageFile(mesh.lab) }),
    },
  ]),
  partOf('download', [loadOf('1 GiB', 'one', DOWNLOAD)]),
  partOf('far', [loadOf('two sites, relayed', 'far', KEEP_ALIVE)]),
]

function loadOf(name: string, route: Load['route'], probe: Probe): Load {
  return { case: name, route, units: probe.units, probe: () => probe }
}

function referenceOf({ route }: Load): Contender['name'] {
  return route === 'far' ? 'edgeway L4' : 'haproxy'
}

function partOf(name: string, loads: readonly Load[]): HttpPart {
  return {
    name,
    figures: () =>
      loads.flatMap((load) =>
        Object.entries(load.units).map(([metric, unit]) => {
          const figure = { bench: BENCH_HTTP, case: load.case, metric, unit }
          return ALONE.includes(metric) ? figure : { ...figure, referenceName: referenceOf(load) }
        }),
      ),
    async measure(context) {
      const results: Result[] = []
      for (const load of loads) results.push(...(await measure(context, load)))
      return results
    },
  }
}

async function measure({ scene, plan, onStep }: HttpContext, load: Load): Promise<Result[]> {
  const ways = load.route === 'far' ? scene.waysToFar() : scene.waysTo(load.route)
  const probe = load.probe(scene, ways)
  const { client } = scene
  onStep(`${load.case}: warming up`)
  const protocol = load.route === 'streams' || load.route === 'calls' ? 'http2' : 'http1'
  const seen = (): Promise<number> => scene.requestsSeen(protocol)
  await warmUp(seen, () => probe.run(client, ways.ours))
  return compareWays(
    {
      bench: BENCH_HTTP,
      case: load.case,
      client,
      ...ways,
      probes: [probe],
      pairs: plan.pairs,
      alone: ALONE,
      beforeEach: () => scene.forgetConnections(),
    },
    onStep,
  )
}

/**
 * Lets the agent have as many requests as it takes until its code is compiled for them, in some runs at most.
 *
 * @throws {Error} when it looked at none of a run: the figures would be those of L4
 */
async function warmUp(seen: () => Promise<number>, run: () => Promise<unknown>): Promise<void> {
  for (let runs = 0; runs < WARM_UP_RUNS; runs++) {
    const before = await seen()
    await run()
    const gained = (await seen()) - before
    if (gained === 0) throw new Error('the agent looked at no request')
    // Other parts have done it, or requests are not what this one is about.
    if (before > WARM_UP_REQUESTS || gained < FEW_REQUESTS) return
  }
}
