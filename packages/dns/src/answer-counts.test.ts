import { MemoryMetrics } from '@edgeway/testbed'
import { expect, it } from 'vitest'
import { AnswerCounts, type CountedAnswer } from './answer-counts.ts'
import type { Transport, ZoneName } from './handler.ts'
import { RCODE, rcodeLabel, TYPE, typeLabel } from './wire/codes.ts'

const ZONES: readonly ZoneName[] = ['cluster', 'forward', 'none']
const TRANSPORTS: readonly Transport[] = ['udp', 'tcp']
const NAME = 'edgeway_dns_queries_total'
const labels = ['zone', 'rcode', 'type', 'transport'] as const

function textOf({ zone, rcode, type, transport }: CountedAnswer) {
  return { zone, rcode: rcodeLabel(rcode), type: type === undefined ? 'none' : typeLabel(type), transport }
}

const ALL: readonly CountedAnswer[] = ZONES.flatMap((zone) =>
  Object.values(RCODE).flatMap((rcode) =>
    [undefined, 0, ...Object.values(TYPE), 256, 257, 65_535].flatMap((type) =>
      TRANSPORTS.map((transport) => ({ zone, rcode, type, transport })),
    ),
  ),
)

it('counts each zone, response code, type and transport by itself', () => {
  const metrics = new MemoryMetrics()
  const counts = new AnswerCounts(metrics.counter({ name: NAME, help: 'Answers.', labels }))
  const expected = new Map<string, number>()
  for (const answer of [...ALL, ...ALL]) {
    counts.add(answer)
    const key = JSON.stringify(textOf(answer))
    expected.set(key, (expected.get(key) ?? 0) + 1)
  }

  expect(expected.size).toBe(ZONES.length * 7 * (Object.keys(TYPE).length + 2) * TRANSPORTS.length)
  for (const [key, count] of expected) expect(metrics.value(NAME, JSON.parse(key))).toBe(count)
})

it('makes no more counters than there are types in common use, whatever clients ask for', () => {
  let bound = 0
  const counts = new AnswerCounts({ add: () => {}, bind: () => ({ add: () => {}, at: bound++ }) })
  for (let type = 0; type <= 65_535; type++)
    counts.add({ zone: 'cluster', rcode: RCODE.NXDOMAIN, type, transport: 'udp' })

  expect(bound).toBe(257)
})
