import { describe, expect, it } from 'vitest'
import {
  ADDRESSES,
  KINDS,
  matchesOf,
  nodeWith,
  type Place,
  packet,
  SENDERS,
  slot,
  targetOf,
} from '../../../test/trace/scene.ts'
import type { KernelRule, Rule } from '../../model/rule.ts'

describe('the generated rules', () => {
  it.each(KINDS)('masquerade a pod that reaches itself, and no other: $protocol of $family', (kind) => {
    for (const match of matchesOf(kind)) {
      const slots = [slot('pod', kind.family), slot('secondPod', kind.family)]
      const node = nodeWith({
        mode: 'KERNEL',
        match,
        balance: { kind: 'random' },
        slots,
        loopback: undefined,
      })
      const masqueraded = (sender: Place, random: number): boolean =>
        node.send(packet(kind, sender, targetOf(match)), { random }).masqueraded

      expect([masqueraded('pod', 0), masqueraded('pod', 1)]).toEqual([true, false])
      expect([masqueraded('secondPod', 0), masqueraded('secondPod', 1)]).toEqual([false, true])
    }
  })

  it.each(KINDS)('masquerade by Match and slot: $protocol of $family', (kind) => {
    const matches = matchesOf(kind)
    const { family } = kind
    // Each has the same endpoints, another one of which is masqueraded.
    const rules = matches.map((match, i): KernelRule => {
      const slots = (['pod', 'secondPod', 'remotePod'] as const).map((place, j) =>
        slot(place, family, { masquerade: i === j }),
      )
      return { mode: 'KERNEL', match, balance: { kind: 'random' }, slots, loopback: undefined }
    })
    const node = nodeWith(...rules)

    for (const sender of SENDERS) {
      const masqueraded = matches.map((match) =>
        [0, 1, 2].map((random) => node.send(packet(kind, sender, targetOf(match)), { random }).masqueraded),
      )
      expect(masqueraded).toEqual([
        [true, false, false],
        [false, true, false],
        [false, false, true],
      ])
    }
  })

  it.each(KINDS)('masquerade nothing that goes to an endpoint by itself: $protocol of $family', (kind) => {
    const rules = matchesOf(kind).map((match): Rule => {
      const slots = [slot('remotePod', kind.family, { masquerade: true })]
      return { mode: 'KERNEL', match, balance: { kind: 'random' }, slots, loopback: undefined }
    })
    const request = packet(kind, 'client', { ip: ADDRESSES.remotePod[kind.family], port: 8_080 })

    expect(nodeWith(...rules).send(request).masqueraded).toBe(false)
  })
})
