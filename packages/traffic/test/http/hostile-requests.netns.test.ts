import { beforeAll, describe, expect, it } from 'vitest'
import { HOSTILE_REQUESTS } from './hostile/corpus/hostile-requests.ts'
import type { Outcome } from './hostile/lab/outcome.ts'
import { RUN_TIMEOUT_MS, runAmongPeers, writeTable } from './hostile/lab/run-among-peers.ts'
import { complaint, laxerThanPeers, outcomesByName, verdictTable } from './hostile/lab/verdicts.ts'
import { WAYS, type Way } from './hostile/lab/ways.ts'

/** What we let out, and neither haproxy nor nginx does, with the reason why that is right. */
const LAXER: Readonly<Record<string, string>> = {}

describe('hostile requests', () => {
  let outcomes: readonly Outcome[] = []
  let byName: ReturnType<typeof outcomesByName> = new Map()

  beforeAll(async () => {
    outcomes = await runAmongPeers<Outcome>('run-requests.ts', WAYS)
    byName = outcomesByName(outcomes)
    await writeTable('hostile-requests.tsv', verdictTable(byName))
  }, RUN_TIMEOUT_MS)

  /** Of each item that did not go that way as it should. */
  function complaints(way: Way): string[] {
    return HOSTILE_REQUESTS.map((request) => {
      const text = complaint(request, way, byName.get(request.name) ?? new Map())
      return text === '' ? '' : `${request.name} (${request.flaw}): ${text}`
    }).filter((line) => line !== '')
  }

  it('are several hundred, each of which goes every way', () => {
    expect(byName.size).toBeGreaterThan(800)
    expect(outcomes).toHaveLength(byName.size * WAYS.length)
  })

  it('reach an endpoint as the same requests for whoever reads them, and no more than were sent', () => {
    expect(complaints('edgeway')).toEqual([])
  })

  it.each(['haproxy', 'nginx'] as const)('are not taken for others by a %s behind us', (peer) => {
    expect(complaints(`edgeway and ${peer}`)).toEqual([])
  })

  it('are passed on by us only where haproxy or nginx would do so, too, or for a reason', () => {
    expect(laxerThanPeers(HOSTILE_REQUESTS, byName)).toEqual(Object.keys(LAXER))
  })
})
