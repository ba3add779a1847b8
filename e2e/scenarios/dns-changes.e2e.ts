import { type Mesh, namespaceObject, POD_NAMESERVER } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChangesPlan, ChangesReport } from '../support/changes-report.ts'
import { runClient } from '../support/program.ts'
import { report } from '../support/report.ts'
import { startTwoSites } from '../support/two-sites.ts'

const PROGRAM = new URL('../support/changing-names.ts', import.meta.url)
const CLIENTS = 3
const TIMEOUT_MS = 100_000
/** Without TLS, see `Mesh`. */
const API_PORT = 8_080

describe('names that change under load', () => {
  let mesh: Mesh

  beforeAll(async () => {
    // A line per query would be most of the load.
    mesh = await startTwoSites({ logLevel: 'info' })
    await mesh.kubectl.apply(namespaceObject('names-cloud'), namespaceObject('names-edge-1'))
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('are answered at each moment as they are or were just before, as told by MetaServer', async () => {
    // It loses some changes, which come with the next list.
    await changeNames({ node: 'edge-1', names: 200, changesPerSecond: 40 })
  })

  it('are answered so as told by the API server, too, thousands of them', async () => {
    // All of them share this machine, and at the edge lists come every few seconds here.
    for (const node of ['edge-1', 'edge-2']) {
      await mesh.agent(node).stop()
      await mesh.metaServer(node).kill()
    }
    const agent = mesh.agent('cloud')
    await agent.stop()
    await agent.start({ config: { metadata: {} } })
    await agent.whenReady()

    await changeNames({ node: 'cloud', names: 2_000, changesPerSecond: 200 })
  })

  async function changeNames(size: Pick<ChangesPlan, 'node' | 'names' | 'changesPerSecond'>): Promise<void> {
    const { node, names } = size
    const plan: ChangesPlan = {
      ...size,
      api: `http://${mesh.lab.node('cloud').address}:${API_PORT}`,
      server: POD_NAMESERVER,
      namespace: `names-${node}`,
      clients: CLIENTS,
    }
    const program = { file: PROGRAM, args: [JSON.stringify(plan)] }
    const found = await runClient<ChangesReport>(mesh.lab.node(node), program, TIMEOUT_MS)

    report(`${node}: a change is in effect, median of ${found.changes}`, found.p50Ms)
    report(`${node}: 99th percentile`, found.p99Ms)
    report(`${node}: the longest`, found.longestMs)
    report(`${node}: changes`, found.perSecond, 'per second')
    report(`${node}: meanwhile clients asked`, found.asked, 'times')
    expect(found).toMatchObject({ changes: names, wrong: [], wrongCount: 0 })
  }
})
