import { compareWays } from '../src/compare-ways.ts'
import { DnsScene } from '../src/dns/dns-scene.ts'
import { measureHeap } from '../src/dns/heap.ts'
import { memoryResults } from '../src/dns/memory-results.ts'
import { DNS_FIGURES, dnsProbe } from '../src/dns/probe.ts'
import { withEdgeMesh } from '../src/dns/with-edgemesh.ts'
import type { Result } from '../src/result.ts'
import { Scene } from '../src/scene.ts'
import type { BenchCase } from './case.ts'

const SECONDS = 2

export const dns: BenchCase = {
  name: 'dns',
  summary:
    'queries a second, CPU and latency of answers for 10,000 Services and for cached names; against dnsmasq and unbound',
  async run(onStep) {
    await using scene = await Scene.start(onStep)
    const { client, ways, queries, memory } = await DnsScene.start(scene, onStep)
    const measure = (name: string, file: string, transport: 'udp' | 'tcp'): Promise<Result[]> =>
      compareWays(
        {
          bench: 'dns',
          case: name,
          client,
          ...ways,
          probes: [dnsProbe({ queries: file, transport, seconds: SECONDS })],
          alsoAlone: DNS_FIGURES,
        },
        onStep,
      )
    const results = [
      ...withEdgeMesh(await measure('cluster names', queries.cluster, 'udp')),
      ...(await measure('cluster names, TCP', queries.cluster, 'tcp')),
      ...(await measure('cached external names', queries.external, 'udp')),
      ...memoryResults(memory),
    ]
    onStep('heap of the responder alone')
    return [...results, await measureHeap()]
  },
}
