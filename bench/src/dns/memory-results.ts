import { absolute, compare, type MetricName, type Result } from '../result.ts'
import { type DnsScene, SERVICES } from './dns-scene.ts'

const MB = 1e6
const PEERS = ['dnsmasq', 'unbound'] as const

/** What servers take in all, and what of it they take for the Services. Ours is a whole agent, with all its other parts. */
export function memoryResults({ empty, full }: DnsScene['memory']): Result[] {
  const name = (metric: string): MetricName => ({
    bench: 'dns',
    case: `${SERVICES} Services`,
    metric,
    unit: 'MB',
  })
  return PEERS.flatMap((peer) => [
    compare(name('RSS'), [full.edgeway / MB], { name: peer, values: [full[peer] / MB] }),
    compare(name('RSS growth'), [(full.edgeway - empty.edgeway) / MB], {
      name: peer,
      values: [(full[peer] - empty[peer]) / MB],
    }),
  ]).concat(absolute(name('RSS without Services'), [empty.edgeway / MB]))
}
