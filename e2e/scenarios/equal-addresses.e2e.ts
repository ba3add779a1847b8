import type { LabHost, Mesh } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { report } from '../support/report.ts'
import { clientOf, startTwoSites } from '../support/two-sites.ts'

describe('two pods with the same address at two sites', () => {
  let mesh: Mesh

  beforeAll(async () => {
    mesh = await startTwoSites()
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it.each(['edge-1', 'edge-2', 'cloud'] as const)(
    'never answer for each other, in 340 calls from %s',
    async (node) => {
      const client = clientOf(mesh, node)
      const started = performance.now()
      const [alpha, beta] = [
        await manyCalls(client, 'alpha', { count: 170, atOnce: 8 }),
        await manyCalls(client, 'beta', { count: 170, atOnce: 8 }),
      ]
      report(`340 calls from ${node}`, Math.round(performance.now() - started))

      expect(alpha).toEqual({ alpha: 170 })
      expect(beta).toEqual({ beta: 170 })
    },
  )

  it('serve 200 connections at once across both NATs', async () => {
    const started = performance.now()
    const answers = await manyCalls(clientOf(mesh, 'edge-1'), 'beta', { count: 200, atOnce: 200 })
    report('200 connections at once', Math.round(performance.now() - started))

    expect(answers).toEqual({ beta: 200 })
  })
})

/** Calls by curl, each over a connection of its own; returns how often which pod answered. */
async function manyCalls(
  client: LabHost,
  service: string,
  { count, atOnce }: { readonly count: number; readonly atOnce: number },
): Promise<Record<string, number>> {
  const { stdout } = await client.exec(
    // biome-ignore format: one option with its value per pair
    ['curl', '--silent', '--no-progress-meter', '--max-time', '60', '--parallel', '--parallel-immediate',
      '--parallel-max', String(atOnce), '--header', 'connection: close', `http://${service}.apps/[1-${count}]`],
    { timeoutMs: 90_000 },
  )
  const answers: Record<string, number> = {}
  for (const [, pod = ''] of stdout.matchAll(/"pod":"([^"]*)"/g)) answers[pod] = (answers[pod] ?? 0) + 1
  return answers
}
