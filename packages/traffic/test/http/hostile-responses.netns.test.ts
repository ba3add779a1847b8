import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { ResponseOutcome } from './hostile/lab/response-outcome.ts'
import { responseComplaint, responseTable } from './hostile/lab/response-verdicts.ts'
import { RUN_TIMEOUT_MS, runAmongPeers, writeTable } from './hostile/lab/run-among-peers.ts'
import { HOSTILE_RESPONSES } from './hostile/responses/hostile-responses.ts'

const RUN = fileURLToPath(new URL('hostile/lab/run-responses.ts', import.meta.url))
const WAYS = ['edgeway', 'haproxy', 'nginx'] as const
const RESPONSES = new Map(HOSTILE_RESPONSES.map((response) => [response.name, response]))

describe('hostile responses', () => {
  it.each([
    { relayEngine: 'auto', ways: WAYS },
    { relayEngine: 'stream', ways: ['edgeway'] },
  ] as const)(
    'reach the client that asked as what they are, or as an error, and nobody else in part: $relayEngine',
    { timeout: RUN_TIMEOUT_MS },
    async (run) => {
      const outcomes = await runAmongPeers<ResponseOutcome>(RUN, run)
      if (run.ways.length > 1) await writeTable('hostile-responses.tsv', responseTable(outcomes, run.ways))

      expect(RESPONSES.size).toBeGreaterThan(150)
      expect(outcomes).toHaveLength(RESPONSES.size * run.ways.length)
      expect(complaints(outcomes)).toEqual([])
    },
  )
})

function complaints(outcomes: readonly ResponseOutcome[]): string[] {
  return outcomes
    .filter(({ way }) => way === 'edgeway')
    .map((outcome) => responseComplaint(RESPONSES.get(outcome.name), outcome))
    .filter((text) => text !== '')
}
