import { type LabHost, type LabPod, type Mesh, namespaceObject } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredBy, call, callUntil } from '../support/call.ts'
import { CLUSTER_DNS_ANSWER, CLUSTER_DNS_IP, ClusterDns, METRICS_PORT } from '../support/cluster-dns.ts'
import { report } from '../support/report.ts'
import { ALPHA, clientOf, startTwoSites } from '../support/two-sites.ts'

const NODE = 'edge-1'
const NAME = 'alpha.apps.svc.cluster.local'
const OTHER_IP = '10.96.0.11'
const TRANSPORTS = [['+notcp'], ['+tcp']] as const

/** Pods whose resolv.conf names the ClusterIP of the cluster's DNS, as kubelets write it. */
describe("what is asked of the cluster's DNS", () => {
  let mesh: Mesh
  let clusterDns: ClusterDns
  let atEdge: LabPod
  let inCloud: LabPod

  beforeAll(async () => {
    mesh = await startTwoSites()
    const pod = { namespace: 'apps', nameserver: CLUSTER_DNS_IP }
    atEdge = await mesh.lab.addPod(NODE, { ...pod, name: 'asker-1' })
    inCloud = await mesh.lab.addPod('cloud', { ...pod, name: 'asker-0' })
    clusterDns = await ClusterDns.start(mesh, [NAME])
    await mesh.kubectl.apply(namespaceObject('kube-system'), clusterDns.service(), clusterDns.endpoints())
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('is answered by its pods for clients on a node in the cloud', async () => {
    for (const transport of TRANSPORTS)
      for (const host of [inCloud, mesh.lab.node('cloud')])
        await untilAnswered(host, CLUSTER_DNS_ANSWER, [`@${CLUSTER_DNS_IP}`, ...transport])
    expect(await dig(inCloud)).toBe(CLUSTER_DNS_ANSWER)
  })

  it('is answered by the node itself for pods and host processes at the edge', async () => {
    for (const transport of TRANSPORTS)
      for (const host of [atEdge, mesh.lab.node(NODE)])
        await untilAnswered(host, ALPHA.clusterIp, [`@${CLUSTER_DNS_IP}`, ...transport])
    expect(await call(atEdge, 'http://alpha.apps/')).toMatchObject({ pod: 'alpha' })
  })

  it('does not take other ports of that Service with it', async () => {
    const metrics = `http://${CLUSTER_DNS_IP}:${METRICS_PORT}/`

    await callUntil(clientOf(mesh, NODE), metrics, answeredBy('coredns'))
  })

  it("can be asked of the node's own IPv6 address, too", async () => {
    for (const transport of TRANSPORTS)
      expect(await dig(mesh.lab.node(NODE), ['@fd00:e::16', ...transport])).toBe(ALPHA.clusterIp)
  })

  it('is left to its pods where the Service says so, as long as it does', async () => {
    await mesh.kubectl.apply(clusterDns.service({ 'edgeway.io/intercept': 'false' }))
    // Nobody else serves ClusterIPs in the lab.
    await untilAnswered(atEdge, '')

    await mesh.kubectl.apply(clusterDns.service())
    report('answered by the node again', await untilAnswered(atEdge, ALPHA.clusterIp))
  })

  it('is refused while the agent is dead, and answered as soon as it is back', async () => {
    const agent = mesh.agent(NODE)
    await agent.kill()
    const { stdout } = await atEdge.exec(['dig', '+tries=1', '+time=2', NAME])
    expect(stdout).toContain('connection refused')

    await agent.start()
    report('answered again after a crash', await untilAnswered(atEdge, ALPHA.clusterIp))
    await agent.whenReady()
  })

  it("is answered at the edge while the cloud's DNS is dead, and there is no way to the cloud", async () => {
    await clusterDns.kill()
    await mesh.server.kill()

    for (const transport of TRANSPORTS) expect(await dig(atEdge, transport)).toBe(ALPHA.clusterIp)
    expect(await call(atEdge, 'http://alpha.apps/')).toMatchObject({ pod: 'alpha' })
    expect(await dig(inCloud)).toBe('')
  })

  it('is answered at the edge though the Service has no endpoints', async () => {
    await mesh.kubectl.delete(clusterDns.endpoints())
    // Where nothing answers in its place, it is refused.
    await expect
      .poll(async () => (await inCloud.exec(['dig', '+tries=1', '+time=2', NAME])).stdout, {
        timeout: 60_000,
      })
      .toContain('connection refused')

    for (const transport of TRANSPORTS) expect(await dig(atEdge, transport)).toBe(ALPHA.clusterIp)
  })

  it('follows the Service to another ClusterIP', async () => {
    await mesh.kubectl.delete(clusterDns.service())
    report('no longer answered', await untilAnswered(atEdge, ''))

    await mesh.kubectl.apply(clusterDns.service({}, OTHER_IP))
    report('answered at the other address', await untilAnswered(atEdge, ALPHA.clusterIp, [`@${OTHER_IP}`]))
    for (const transport of TRANSPORTS)
      expect(await dig(atEdge, [`@${OTHER_IP}`, ...transport])).toBe(ALPHA.clusterIp)
    expect(await dig(atEdge)).toBe('')
  })
})

/** The address that a host is told, asking whom its resolv.conf names; empty where it gets no answer. */
async function dig(host: LabHost, options: readonly string[] = []): Promise<string> {
  const { code, stdout } = await host.exec(['dig', '+short', '+tries=1', '+time=2', ...options, NAME])
  return code === 0 ? stdout.trim() : ''
}

/** @returns how long that took, in milliseconds */
async function untilAnswered(
  host: LabHost,
  answer: string,
  options: readonly string[] = [],
): Promise<number> {
  const started = performance.now()
  await expect.poll(() => dig(host, options), { timeout: 60_000, interval: 20 }).toBe(answer)
  return Math.round(performance.now() - started)
}
