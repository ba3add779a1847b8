import { describe, expect, it } from 'vitest'
import type { UplinkPlan } from '../lab/host-plan.ts'
import { netemLines } from './netem.ts'
import { impairmentsOf, type WanSpec } from './wan-spec.ts'

const UPLINK: UplinkPlan = {
  device: 'eth0',
  cidr: '10.1.0.11/24',
  gateway: '10.1.0.1',
  mac: '0a:58:0a:01:00:0b',
  bridgeNamespace: 'ewx-segment',
  bridge: 'segment',
  port: 'p1-node',
  portIndex: 1001,
}

function lines(spec: WanSpec): string[] {
  return netemLines(UPLINK, impairmentsOf(spec))
}

describe('the lines for tc that make netem do it', () => {
  it('give each direction a netem of its own, what is sent at the end towards the segment', () => {
    expect(lines({ sent: { delayMs: 50 }, received: { lossPercent: 5 } })).toEqual([
      'qdisc replace dev em1001t root handle 1: netem limit 100000 delay 50ms 0ms rate 100gbit',
      'qdisc replace dev em1001t parent 1:1 handle 10: pfifo limit 100000',
      'qdisc replace dev em1001i root handle 1: netem limit 100000 loss 5% rate 100gbit',
      'qdisc replace dev em1001i parent 1:1 handle 10: pfifo limit 100000',
    ])
  })

  it('spread jitter upwards from the delay, as netem spreads it to both sides', () => {
    expect(lines({ sent: { delayMs: 20, jitterMs: 10 } })[0]).toContain(' delay 25ms 5ms ')
  })

  it('put a rate behind the delay, with a queue of its own', () => {
    const [netem, line] = lines({ sent: { delayMs: 30, reorderPercent: 2, bitsPerSecond: 64_000 } })
    expect(netem).toContain(' delay 30ms 0ms reorder 2% ')
    expect(line).toBe(
      'qdisc replace dev em1001t parent 1:1 handle 10: tbf rate 64000bit burst 3028 latency 200ms',
    )
  })
})
