import { beforeAll, describe, expect, it } from 'vitest'
import type { ResponseOutcome } from './hostile/lab/response-outcome.ts'
import { responseComplaint, responseTable } from './hostile/lab/response-verdicts.ts'
import { RUN_TIMEOUT_MS, runAmongPeers, writeTable } from './hostile/lab/run-among-peers.ts'
import { HOSTILE_RESPONSES } from './hostile/responses/hostile-responses.ts'

const WAYS = ['edgeway', 'haproxy', 'nginx'] as const
const RESPONSES = new Map(HOSTILE_RESPONSES.map((response) => [response.name, response]))

describe('hostile responses', () => {
  let outcomes: readonly ResponseOutcome[] = []

  beforeAll(async () => {
    outcomes = await runAmongPeers<ResponseOutcome>('run-responses.ts', WAYS)
    await writeTable('hostile-responses.tsv', responseTable(outcomes, WAYS))
  }, RUN_TIMEOUT_MS)

  it('are many, each of which comes every way', () => {
    expect(RESPONSES.size).toBeGreaterThan(150)
    expect(outcomes).toHaveLength(RESPONSES.size * WAYS.length)
  })

  it('reach the client that asked as what they are, or as an error, and nobody else in part', () => {
    const complaints = outcomes
      .filter(({ way }) => way === 'edgeway')
      .map((outcome) => responseComplaint(RESPONSES.get(outcome.name), outcome))

    expect(complaints.filter((text) => text !== '')).toEqual([])
  })
})
