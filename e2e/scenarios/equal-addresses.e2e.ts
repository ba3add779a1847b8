import { fileURLToPath } from 'node:url'
import { kernelFlows, type LabHost, type Mesh } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { flowsByPath } from '../support/flows.ts'
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

  it.each([
    { node: 'edge-1', local: 'alpha', far: 'beta' },
    { node: 'edge-2', local: 'beta', far: 'alpha' },
    { node: 'cloud', local: undefined, far: undefined },
  ] as const)('never answer for each other, in 340 calls from $node', async ({ node, local, far }) => {
    const client = clientOf(mesh, node)
    const started = performance.now()
    const [alpha, beta] = [
      await manyCalls(client, 'alpha', { count: 170, atOnce: 8 }),
      await manyCalls(client, 'beta', { count: 170, atOnce: 8 }),
    ]
    report(`340 calls from ${node}`, Math.round(performance.now() - started))

    expect(alpha).toEqual({ alpha: 170 })
    expect(beta).toEqual({ beta: 170 })
    // From the cloud either way across the NATs is right.
    if (local === undefined) return
    // A few calls more were made while the mesh came up.
    expect(await kernelFlows(client, mesh.lab.pod(local))).toBeGreaterThanOrEqual(170)
    const flows = (service: string) => flowsByPath(mesh.agent(node), `apps/${service}:main`)
    expect(await flows(local)).toEqual({})
    await expect
      .poll(async () => (await flows(far))['relayed'], { timeout: 20_000 })
      .toBeGreaterThanOrEqual(170)
    expect(Object.keys(await flows(far))).toEqual(['relayed'])
  })

  it('serve 200 connections that are open at the same time across both NATs', async () => {
    const program = fileURLToPath(new URL('../support/open-connections.ts', import.meta.url))
    const client = clientOf(mesh, 'edge-1')
    const started = performance.now()
    const { stdout, stderr } = await client.exec([process.execPath, program, 'beta.apps', '80', '200'], {
      timeoutMs: 90_000,
    })
    report('200 connections at once', Math.round(performance.now() - started))

    expect(stdout, stderr).toBe('{"beta":400}\n')
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
