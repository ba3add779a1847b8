import { setTimeout as delay } from 'node:timers/promises'
import { type LabHost, type Mesh, patternSha256 } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { report } from '../support/report.ts'
import { clientOf, POD_PORT, startTwoSites } from '../support/two-sites.ts'

const MB = 1_000_000
const MIB = 1_048_576
const GIB = 1_024 * MIB

/** What goes by another flow while one is stopped. */
const OTHER_BYTES = 32 * MIB

describe('bulk traffic across both NATs', () => {
  let mesh: Mesh

  beforeAll(async () => {
    mesh = await startTwoSites()
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('moves 1 GiB through the relay unharmed, in bounded memory', { timeout: 300_000 }, async () => {
    const processes = { 'edge-1': mesh.agent('edge-1'), 'edge-2': mesh.agent('edge-2'), relay: mesh.server }
    const relayedBefore = await relayedBytes()
    const idle = await Promise.all(Object.values(processes).map((process) => process.memory()))
    await Promise.all(Object.values(processes).map((process) => process.resetPeakMemory()))

    const started = performance.now()
    const checksum = await download(clientOf(mesh, 'edge-1'), GIB)
    report('1 GiB', Math.round(performance.now() - started))

    expect(checksum).toBe(patternSha256(GIB))
    expect((await relayedBytes()) - relayedBefore).toBeGreaterThan(GIB)
    for (const [index, [name, process]] of Object.entries(processes).entries()) {
      const { peak } = await process.memory()
      const growth = Math.round((peak - (idle[index]?.now ?? 0)) / MB)
      report(`peak memory of ${name} above idle`, growth, 'MB')
      expect(growth, `MB more than idle in ${name}`).toBeLessThanOrEqual(150)
    }
  })

  /** What the relay has passed on so far, in both directions, as encrypted. */
  async function relayedBytes(): Promise<number> {
    return mesh.server.metric('edgeway_tunnel_server_relayed_bytes_total')
  }

  it('stops the sender of a stopped reader within 8 MiB, while another flow goes on', async () => {
    const reader = clientOf(mesh, 'edge-1')
    const sender = mesh.lab.pod('beta')
    const before = await sentBy(sender)
    // curl reads at one byte per second: as good as not at all.
    const stopped = reader.spawn([
      'curl',
      '--silent',
      '--limit-rate',
      '1',
      '--output',
      '/dev/null',
      `http://beta.apps/bytes?n=${GIB}`,
    ])
    const sent = async (): Promise<number> => (await sentBy(sender)) - before
    await expect.poll(sent, { timeout: 60_000 }).toBeGreaterThan(0)
    await settled(sent)
    expect(await sent()).toBeLessThanOrEqual(8 * MIB)

    expect(await download(reader, OTHER_BYTES)).toBe(patternSha256(OTHER_BYTES))
    const taken = (await sent()) - OTHER_BYTES
    report('taken from the sender of a stopped reader', Math.round(taken / 1_024), 'KiB')
    expect(taken).toBeLessThanOrEqual(8 * MIB)
    // It was the reader that held it back, and no error.
    expect(stopped.running).toBe(true)
    await stopped[Symbol.asyncDispose]()
  })
})

/** Hexadecimal SHA-256 of what a pod downloads from beta. */
async function download(client: LabHost, byteCount: number): Promise<string> {
  const script = `curl --silent --fail 'http://beta.apps/bytes?n=${byteCount}' | sha256sum`
  const { stdout } = await client.exec(['sh', '-c', script], { timeoutMs: 280_000 })
  return stdout.split(' ')[0] ?? ''
}

/** Body bytes that the kernel of the sender's pod has taken so far. */
async function sentBy(pod: LabHost): Promise<number> {
  const { stdout } = await pod.exec(['curl', '--silent', `http://127.0.0.1:${POD_PORT}/stats`])
  return (JSON.parse(stdout) as { readonly sent: number }).sent
}

/** The value once it has not changed for two seconds. */
async function settled(read: () => Promise<number>): Promise<number> {
  let value = await read()
  let since = performance.now()
  while (performance.now() - since < 2_000) {
    await delay(100)
    const now = await read()
    if (now !== value) since = performance.now()
    value = now
  }
  return value
}
