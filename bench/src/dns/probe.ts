import { cpuSecondsWithChildren } from '../cpu.ts'
import type { Probe } from '../probe.ts'
import { askAtFullLoad, askAtRate, type DnsLoad } from './dnsperf.ts'

const US_PER_SECOND = 1e6

/** Told by themselves, too: targets are about the figures, not only about ratios. */
export const DNS_FIGURES = ['queries', 'p99 ms at half load'] as const

/** As many queries as a server takes; then half as many of its own, for what an answer takes when there is some rest. */
export function dnsProbe(load: DnsLoad): Probe {
  return {
    name: `DNS by ${load.transport}`,
    units: {
      queries: '/s',
      'CPU us/query': 'us',
      'p50 ms at half load': 'ms',
      'p99 ms at half load': 'ms',
    },
    async run(client, { ip, pids }) {
      // With children: dnsmasq has one for each TCP connection.
      const before = await cpuSecondsWithChildren(pids)
      const { queriesPerSecond, completed } = await askAtFullLoad(client, ip, load)
      const cpu = (await cpuSecondsWithChildren(pids)) - before
      const half = { ...load, queriesPerSecond: queriesPerSecond / 2 }
      const { p50, p99 } = await askAtRate(client, ip, half)
      return {
        queries: queriesPerSecond,
        'CPU us/query': (cpu * US_PER_SECOND) / completed,
        'p50 ms at half load': p50,
        'p99 ms at half load': p99,
      }
    },
  }
}
