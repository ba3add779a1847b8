import { beforeAll, describe, expect, it } from 'vitest'
import { HOSTILE_REQUESTS } from './hostile/corpus/hostile-requests.ts'
import type { Outcome } from './hostile/lab/outcome.ts'
import { runAmongPeers, writeTable } from './hostile/lab/run-among-peers.ts'
import { complaint, laxerThanPeers, outcomesByName, verdictTable } from './hostile/lab/verdicts.ts'
import { WAYS, type Way } from './hostile/lab/ways.ts'

/** What we let out, and neither haproxy nor nginx does, with the reason why that is right. */
const LAXER: Readonly<Record<string, string>> = {}

const REQUESTS = new Map(HOSTILE_REQUESTS.map((request) => [request.name, request]))

describe('hostile requests', () => {
  let outcomes: readonly Outcome[] = []

  beforeAll(async () => {
    outcomes = await runAmongPeers<Outcome>('run-requests.ts', WAYS)
    await writeTable('hostile-requests.tsv', verdictTable(outcomesByName(outcomes)))
  })

  /** Of each item that did not go that way as it should. */
  function complaints(way: Way): string[] {
    return outcomes
      .filter((outcome) => outcome.way === way)
      .map((outcome) => {
        const request = REQUESTS.get(outcome.name)
        const text = request === undefined ? 'it is not in the corpus' : complaint(request, outcome)
        return text === '' ? '' : `${outcome.name} (${request?.flaw}): ${text}`
      })
      .filter((line) => line !== '')
  }

  it('are several hundred, each of which goes every way', () => {
    expect(REQUESTS.size).toBeGreaterThan(800)
    expect(outcomes).toHaveLength(REQUESTS.size * WAYS.length)
  })

  it('reach an endpoint as the same requests for whoever reads them, and no more than were sent', () => {
    expect(complaints('edgeway')).toEqual([])
  })

  it.each(['haproxy', 'nginx'] as const)('are not taken for others by a %s behind us', (peer) => {
    expect(complaints(`edgeway and ${peer}`)).toEqual([])
  })

  it('are passed on by us only where haproxy or nginx would do so, too, or for a reason', () => {
    expect(laxerThanPeers(outcomesByName(outcomes))).toEqual(Object.keys(LAXER))
  })
})
