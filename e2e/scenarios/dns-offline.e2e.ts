import { type Mesh, POD_NAMESERVER } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Asker } from '../support/asker.ts'
import type { QueriesReport } from '../support/queries-report.ts'
import { report } from '../support/report.ts'
import { ALPHA, BETA, clientOf, startTwoSites } from '../support/two-sites.ts'

const NODE = 'edge-1'
const NAMES = {
  alpha: 'alpha.apps.svc.cluster.local',
  beta: 'beta.apps.svc.cluster.local',
  absent: 'absent.apps.svc.cluster.local',
}
/** What a client sees while no agent is there. */
const NOBODY = ['ECONNREFUSED', 'ETIMEOUT']

describe('the DNS of a node whose agent starts while MetaServer and tunnel server, its ways to the cloud, are dead', () => {
  let mesh: Mesh

  beforeAll(async () => {
    mesh = await startTwoSites()
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('answers from what was known, with its very first answer', async () => {
    await expect.poll(() => dig(NAMES.beta), { timeout: 60_000 }).toBe(BETA.clusterIp)
    await Promise.all([mesh.metaServer(NODE), mesh.server, mesh.agent(NODE)].map((one) => one.kill()))
    await using asker = await ask()
    const started = Date.now()
    await mesh.agent(NODE).start()
    await asker.answered(NAMES.alpha, ALPHA.clusterIp)
    await asker.answered(NAMES.beta, BETA.clusterIp)
    await asker.answered(NAMES.absent, 'ENOTFOUND')
    const answers = await asker.stop()

    expect(answersIn(answers, NAMES.alpha)).toEqual([ALPHA.clusterIp])
    expect(answersIn(answers, NAMES.beta)).toEqual([BETA.clusterIp])
    expect(answersIn(answers, NAMES.absent)).toEqual(['ENOTFOUND'])
    const first = answers[NAMES.alpha]?.find(({ answer }) => answer === ALPHA.clusterIp)
    report('the first answer after a cold start offline', (first?.since ?? 0) - started)
  })

  it('says of no name that there is none while nothing is known, and answers as soon as something is', async () => {
    await mesh.agent(NODE).kill()
    await mesh.agent(NODE).removeData()
    await using asker = await ask()
    await mesh.agent(NODE).start()
    for (const name of Object.values(NAMES)) await asker.answered(name, 'ESERVFAIL')

    await mesh.metaServer(NODE).restart()
    await asker.answered(NAMES.alpha, ALPHA.clusterIp)
    await asker.answered(NAMES.beta, BETA.clusterIp)
    await asker.answered(NAMES.absent, 'ENOTFOUND')
    const answers = await asker.stop()

    expect(answersIn(answers, NAMES.alpha)).toEqual(['ESERVFAIL', ALPHA.clusterIp])
    expect(answersIn(answers, NAMES.beta)).toEqual(['ESERVFAIL', BETA.clusterIp])
    expect(answersIn(answers, NAMES.absent)).toEqual(['ESERVFAIL', 'ENOTFOUND'])
  })

  function ask(): Promise<Asker> {
    return Asker.start(clientOf(mesh, NODE), POD_NAMESERVER, Object.values(NAMES))
  }

  async function dig(name: string): Promise<string> {
    const { stdout } = await clientOf(mesh, NODE).exec(['dig', '+short', '+tries=1', '+time=2', name])
    return stdout.trim()
  }
})

/** In their order, without those that say that nobody is there. */
function answersIn(answers: QueriesReport, name: string): readonly string[] {
  const found = (answers[name] ?? []).map(({ answer }) => answer).filter((answer) => !NOBODY.includes(answer))
  return found.filter((answer, index) => answer !== found[index - 1])
}
