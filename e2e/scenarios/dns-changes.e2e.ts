import { type Mesh, namespaceObject, POD_NAMESERVER } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChangesPlan, ChangesReport } from '../support/changes-report.ts'
import { runClient } from '../support/program.ts'
import { report } from '../support/report.ts'
import { startTwoSites } from '../support/two-sites.ts'

const PROGRAM = new URL('../support/changing-names.ts', import.meta.url)
const NAMES = 2_000
const CHANGES_PER_SECOND = 250
const CLIENTS = 3
const TIMEOUT_MS = 90_000
/** Without TLS, see `Mesh`. */
const API_PORT = 8_080

/** In the cloud they come from the API server, at the edge from MetaServer, which loses some until the next list. */
describe('names that change under load', () => {
  let mesh: Mesh

  beforeAll(async () => {
    mesh = await startTwoSites()
    await mesh.kubectl.apply(namespaceObject('names-cloud'), namespaceObject('names-edge-1'))
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it.each(['cloud', 'edge-1'])(
    'are answered at each moment as they are or were just before: on %s',
    async (node) => {
      const plan: ChangesPlan = {
        api: `http://${mesh.lab.node('cloud').address}:${API_PORT}`,
        server: POD_NAMESERVER,
        namespace: `names-${node}`,
        node,
        names: NAMES,
        changesPerSecond: CHANGES_PER_SECOND,
        clients: CLIENTS,
      }
      const program = { file: PROGRAM, args: [JSON.stringify(plan)] }
      const found = await runClient<ChangesReport>(mesh.lab.node(node), program, TIMEOUT_MS)

      report(`${node}: a change is in effect, median of ${found.changes}`, found.p50Ms)
      report(`${node}: 99th percentile`, found.p99Ms)
      report(`${node}: the longest`, found.longestMs)
      report(`${node}: meanwhile clients asked`, found.asked, 'times')
      expect(found).toMatchObject({ changes: NAMES, wrong: [], wrongCount: 0 })
    },
  )
})
