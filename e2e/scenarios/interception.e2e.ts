import { kernelFlows, type LabHost, type Mesh, startDnsUpstream } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredBy, call, callUntil, endedAs } from '../support/call.ts'
import { Caller } from '../support/caller.ts'
import { report } from '../support/report.ts'
import { ALPHA, BETA, clientOf, POD_PORT, startTwoSites } from '../support/two-sites.ts'

const NODE = 'edge-1'
/** Served by alpha, next to the client: over UDP, and at every kind of address. */
const NAMES = { namespace: 'apps', name: 'names', clusterIp: '10.96.0.41', port: 5353 }
const OPEN = { namespace: 'apps', name: 'open', clusterIp: '10.96.0.42', port: 80 }
const EXTERNAL_IP = '203.0.113.7'
const LOAD_BALANCER_IP = '203.0.113.8'
const NODE_PORT = 30_080

describe('connections to Services', () => {
  let mesh: Mesh
  let client: LabHost
  let node: LabHost

  beforeAll(async () => {
    mesh = await startTwoSites()
    client = clientOf(mesh, NODE)
    node = mesh.lab.node(NODE)
    await startDnsUpstream(mesh.lab.pod('alpha'), { 'who.example': ['192.0.2.1'] })
    await mesh.kubectl.apply(...namesService(), ...openService())
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('over UDP go to a pod of the node, and are refused at once when there is none', async () => {
    const started = performance.now()
    for (const host of [client, node])
      await expect.poll(() => dig(host, 'who.example'), { timeout: 60_000 }).toBe('192.0.2.1\n')
    report('a new UDP Service', Math.round(performance.now() - started))

    await mesh.kubectl.apply(sliceOf(NAMES, { protocol: 'UDP', port: 53, ready: false }))

    for (const host of [client, node])
      await expect.poll(() => dig(host, 'who.example'), { timeout: 60_000 }).toContain('connection refused')
  })

  it('come from the client itself where the kernel carries them', async () => {
    await callUntil(client, `http://${ALPHA.clusterIp}/`, answeredBy('alpha'))
    const { stdout } = await client.exec(['curl', '--silent', `http://${ALPHA.clusterIp}/`])

    expect(JSON.parse(stdout)).toMatchObject({ client: expect.stringMatching(`^${client.address}:`) })
  })

  it.each([
    { at: EXTERNAL_IP, what: 'an external IP' },
    { at: LOAD_BALANCER_IP, what: "a load balancer's IP" },
  ])('at $what stay in the kernel, from pods and from host processes', async ({ at }) => {
    for (const host of [client, node]) {
      const before = await kernelFlows(host, mesh.lab.pod('alpha'))
      report(`${at} answers`, await callUntil(host, `http://${at}/`, answeredBy('alpha')))
      expect(await kernelFlows(host, mesh.lab.pod('alpha'))).toBe(before + 1)
    }
  })

  it("at a node port are served at the node's addresses, from the LAN, its pods and itself", async () => {
    const neighbour = mesh.lab.router('site-a')
    for (const host of [neighbour, client, node])
      expect(await call(host, `http://${node.address}:${NODE_PORT}/`)).toMatchObject({ pod: 'alpha' })
    expect(await kernelFlows(client, mesh.lab.pod('alpha'))).toBeGreaterThan(0)
    expect(await call(node, `http://127.0.0.1:${NODE_PORT}/`)).toMatchObject({ pod: 'alpha' })
  })

  it('are served again soon after somebody flushed all rules', async () => {
    const agent = mesh.agent(NODE)
    await agent.stop()
    await agent.start({ config: { proxier: { resyncIntervalMs: 500 } } })
    await agent.whenReady()
    await callUntil(client, 'http://beta.apps/', answeredBy('beta'))
    await using near = await Caller.start(client, { ip: ALPHA.clusterIp, port: 80 })
    await using far = await Caller.start(client, { ip: BETA.clusterIp, port: 80 })

    await node.exec(['nft', 'flush', 'ruleset'])

    await expect.poll(() => agent.metric('edgeway_proxier_drifts_total'), { timeout: 30_000 }).toBe(1)
    for (const [caller, service] of [
      [near, ALPHA],
      [far, BETA],
    ] as const) {
      await callUntil(client, `http://${service.clusterIp}/`, answeredBy(service.name))
      report('calls without an answer after a flush of all rules', (await caller.stop()).longestGapMs)
    }
  })

  it('that the kernel carries go on while the agent is dead; the others are refused until it is back', async () => {
    const agent = mesh.agent(NODE)
    await using near = await Caller.start(client, { ip: ALPHA.clusterIp, port: 80 })

    await agent.kill()
    expect(await call(client, `http://${BETA.clusterIp}/`)).toEqual({ kind: 'refused' })
    await agent.start()
    await agent.whenReady()
    await callUntil(client, 'http://beta.apps/', answeredBy('beta'))

    expect(await near.stop()).toMatchObject({ failed: 0 })
  })

  it('are left to another proxy once the agent is dead, where it fails open', async () => {
    const agent = mesh.agent(NODE)
    await agent.stop()
    await agent.start({ config: { proxier: { failMode: 'open' } } })
    await agent.whenReady()
    await callUntil(client, 'http://beta.apps/', answeredBy('beta'))
    await node.exec(['nft', KUBE_PROXY_SHAPED])
    expect(await call(client, `http://${BETA.clusterIp}/`)).toMatchObject({ pod: 'beta' })

    await agent.kill()

    await callUntil(client, `http://${BETA.clusterIp}/`, answeredBy('alpha'))
    expect((await node.exec(['nft', 'list', 'tables'])).stdout).not.toContain('edgeway')

    await agent.start()
    await agent.whenReady()
    await callUntil(client, `http://${BETA.clusterIp}/`, answeredBy('beta'))
  })

  it('work the same by iptables', async () => {
    const agent = mesh.agent(NODE)
    await agent.stop()
    await agent.start({ config: { proxier: { backend: 'iptables' } } })
    await agent.whenReady()

    for (const host of [client, node]) {
      await callUntil(host, `http://${ALPHA.clusterIp}/`, answeredBy('alpha'))
      await callUntil(host, `http://${BETA.clusterIp}/`, answeredBy('beta'))
      await callUntil(host, 'http://10.96.0.24/', endedAs('refused'))
      expect(await call(host, `http://${EXTERNAL_IP}/`)).toMatchObject({ pod: 'alpha' })
    }
    expect((await node.exec(['nft', 'list', 'tables'])).stdout).not.toContain('inet edgeway')
  })

  it('leave nothing on a node that was cleaned up after a crash', async () => {
    const agent = mesh.agent(NODE)
    await agent.kill()
    expect((await node.exec(['iptables-save'])).stdout).toContain('EDGEWAY')

    await agent.runOnce(['--cleanup'])

    expect((await node.exec(['iptables-save'])).stdout).not.toContain('EDGEWAY')
    expect((await node.exec(['ipset', 'list', '-name'])).stdout).toBe('')
    expect((await node.exec(['ip', 'link', 'show', 'edgeway0'])).code).not.toBe(0)
  })

  async function dig(host: LabHost, name: string): Promise<string> {
    const server = ['-p', String(NAMES.port), `@${NAMES.clusterIp}`]
    return (await host.exec(['dig', '+short', '+tries=1', '+time=2', ...server, name])).stdout
  }
})

/** Another proxy, which sends calls to beta's ClusterIP to alpha, to be told apart. */
const KUBE_PROXY_SHAPED = `
table ip kube-proxy-shaped {
  chain services { ip daddr ${BETA.clusterIp} tcp dport 80 dnat to 10.244.1.11:${POD_PORT}; }
  chain prerouting { type nat hook prerouting priority -100; jump services; }
  chain output { type nat hook output priority -100; jump services; }
}`

function namesService() {
  const { namespace, name, clusterIp } = NAMES
  const ports = [{ name: 'dns', protocol: 'UDP', port: NAMES.port, targetPort: 53 }]
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name },
      spec: { clusterIP: clusterIp, ports },
    },
    sliceOf(NAMES, { protocol: 'UDP', port: 53, ready: true }),
  ]
}

function openService() {
  const { namespace, name, clusterIp } = OPEN
  const ports = [{ name: 'dns', protocol: 'TCP', port: OPEN.port, nodePort: NODE_PORT }]
  const spec = { type: 'LoadBalancer', clusterIP: clusterIp, externalIPs: [EXTERNAL_IP], ports }
  const status = { loadBalancer: { ingress: [{ ip: LOAD_BALANCER_IP }] } }
  return [
    { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec, status },
    sliceOf(OPEN, { protocol: 'TCP', port: POD_PORT, ready: true }),
  ]
}

/** With alpha as its only endpoint. */
function sliceOf(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { protocol, port, ready }: { readonly protocol: string; readonly port: number; readonly ready: boolean },
) {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace, name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: 'dns', protocol, port }],
    endpoints: [{ addresses: ['10.244.1.11'], conditions: { ready }, nodeName: NODE }],
  }
}
