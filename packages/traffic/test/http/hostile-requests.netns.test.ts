import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { HOSTILE_REQUESTS } from './hostile/corpus/hostile-requests.ts'
import type { Outcome } from './hostile/lab/outcome.ts'
import { RUN_TIMEOUT_MS, runAmongPeers, writeTable } from './hostile/lab/run-among-peers.ts'
import { verdictTable } from './hostile/lab/verdict-table.ts'
import { complaint, laxerThanPeers, type OutcomesByName, outcomesByName } from './hostile/lab/verdicts.ts'
import { WAYS, type Way } from './hostile/lab/ways.ts'

const RUN = fileURLToPath(new URL('hostile/lab/run-requests.ts', import.meta.url))

describe('hostile requests', () => {
  let byName: OutcomesByName = new Map()

  beforeAll(async () => {
    const run = { ways: WAYS, relayEngine: 'auto' } as const
    byName = outcomesByName(await runAmongPeers<Outcome>(RUN, run))
    await writeTable('hostile-requests.tsv', verdictTable(HOSTILE_REQUESTS, byName))
  }, RUN_TIMEOUT_MS)

  it('are several hundred, each of which goes every way', () => {
    expect(byName.size).toBeGreaterThan(800)
    expect([...byName.values()].filter(({ size }) => size < WAYS.length)).toEqual([])
  })

  it('reach an endpoint as the same requests for whoever reads them, and no more than were sent', () => {
    expect(complaints('edgeway', byName)).toEqual([])
  })

  it.each(['haproxy', 'nginx'] as const)('are not taken for others by a %s behind us', (peer) => {
    expect(complaints(`edgeway and ${peer}`, byName)).toEqual([])
  })

  it('are passed on by us only where haproxy or nginx does so, too', () => {
    expect(laxerThanPeers(HOSTILE_REQUESTS, byName)).toEqual([])
  })

  it('fare no worse where connections are streams of Node', { timeout: RUN_TIMEOUT_MS }, async () => {
    const run = { ways: ['edgeway'], relayEngine: 'stream' } as const
    const outcomes = await runAmongPeers<Outcome>(RUN, run)

    expect(complaints('edgeway', outcomesByName(outcomes))).toEqual([])
  })
})

/** Of each item that did not go that way as it should. */
function complaints(way: Way, byName: OutcomesByName): string[] {
  return HOSTILE_REQUESTS.map((request) => {
    const text = complaint(request, way, byName.get(request.name) ?? new Map())
    return text === '' ? '' : `${request.name} (${request.flaw}): ${text}`
  }).filter((line) => line !== '')
}
