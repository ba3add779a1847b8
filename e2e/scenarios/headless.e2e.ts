import type { LabPod, Mesh } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredBy, call, callUntil, endedAs } from '../support/call.ts'
import { sendDatagrams } from '../support/datagrams.ts'
import { flowsByPath } from '../support/flows.ts'
import { nameOfPeer, PEER_PORTS, Peers, virtualPortOf } from '../support/peers.ts'
import { report } from '../support/report.ts'
import { startTwoSites } from '../support/two-sites.ts'

const CALLS = 20
/** Both sites use the same subnet for pods: by its own address each of these two is the other one. */
const SAME_ADDRESS = '10.244.1.20'
const VIRTUAL = /^240\.240\.\d+\.\d+$/
const URL_OF = (host: string): string => `http://${host}:${PEER_PORTS.http}/`

describe('peers of a StatefulSet at two sites', () => {
  let mesh: Mesh
  let peers: Peers
  /** By `asker peer`. */
  const addresses = new Map<string, string>()

  beforeAll(async () => {
    mesh = await startTwoSites()
    peers = new Peers(mesh)
    await peers.start([
      { hostname: 'db-0', node: 'edge-1', address: SAME_ADDRESS },
      { hostname: 'db-1', node: 'edge-2', address: SAME_ADDRESS },
      { hostname: 'db-2', node: 'edge-1', address: '10.244.1.21' },
    ])
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it.each([
    { from: 'db-0', to: 'db-1', node: 'edge-1' },
    { from: 'db-1', to: 'db-0', node: 'edge-2' },
  ])('$from reaches $to by its host name over TCP and UDP, and never another one', async (way) => {
    const { from, to, node } = way
    const client = peers.pod(from)
    report(`${to} known at ${node}`, await callUntil(client, URL_OF(nameOfPeer(to)), answeredBy(to)))

    expect(await manyCalls(client, to)).toEqual({ [to]: CALLS })
    const { answered, foreign, servers } = await manyDatagrams(client, to)
    expect({ answered, foreign, servers }).toEqual({ answered: CALLS, foreign: 0, servers: [to] })

    expect(await addressSeenBy(client, to)).toMatch(VIRTUAL)
    addresses.set(`${from} ${to}`, await addressSeenBy(client, to))
    await expect
      .poll(() => flowsByPath(mesh.agent(node), virtualPortOf(to, 'http')), { timeout: 20_000 })
      .toEqual({ relayed: CALLS + 1 })
  })

  it('have their own addresses for one another on the same node, and the Service has all of them', async () => {
    const client = peers.pod('db-0')
    expect(await addressSeenBy(client, 'db-2')).toBe('10.244.1.21')
    expect(await call(client, URL_OF(nameOfPeer('db-2')))).toMatchObject({ kind: 'answer', pod: 'db-2' })

    const far = addresses.get('db-0 db-1')
    expect((await dig(client, nameOfPeer())).toSorted()).toEqual(
      [SAME_ADDRESS, '10.244.1.21', far].toSorted(),
    )
    expect((await dig(client, `_http._tcp.${nameOfPeer()}`, 'SRV')).toSorted()).toEqual(
      ['db-0', 'db-1', 'db-2'].map((host) => `0 100 ${PEER_PORTS.http} ${nameOfPeer(host)}.`),
    )
    const reverse = `${String(far).split('.').toReversed().join('.')}.in-addr.arpa`
    expect(await dig(client, reverse, 'PTR')).toEqual([`${nameOfPeer('db-1')}.`])
  })

  it('have the same addresses after an agent was killed and started again', async () => {
    const agent = mesh.agent('edge-1')
    await agent.kill()
    await agent.start()
    await agent.whenReady()
    const client = peers.pod('db-0')

    expect(await addressSeenBy(client, 'db-1')).toBe(addresses.get('db-0 db-1'))
    await callUntil(client, URL_OF(nameOfPeer('db-1')), answeredBy('db-1'))
    await callUntil(peers.pod('db-1'), URL_OF(nameOfPeer('db-0')), answeredBy('db-0'))
    expect(await manyCalls(client, 'db-1')).toEqual({ 'db-1': CALLS })
  })

  it('are refused by those who still have the address of one that is gone', async () => {
    const client = peers.pod('db-0')
    const address = String(addresses.get('db-0 db-1'))
    await peers.remove('db-1')
    report('refused', await callUntil(client, URL_OF(address), endedAs('refused')))
    await callUntil(client, URL_OF(nameOfPeer('db-1')), endedAs('no such name'))
  })

  it('have the same address after they were made anew at another one of the pods', async () => {
    const client = peers.pod('db-0')
    await peers.replace({ hostname: 'db-1', node: 'edge-2', address: '10.244.1.30' }, 'db-1-anew')
    const address = String(addresses.get('db-0 db-1'))
    report('made anew', await callUntil(client, URL_OF(address), answeredBy('db-1-anew')))

    expect(await addressSeenBy(client, 'db-1')).toBe(address)
    expect(await manyCalls(client, 'db-1')).toEqual({ 'db-1-anew': CALLS })
    expect(await manyDatagrams(client, 'db-1')).toMatchObject({ answered: CALLS, servers: ['db-1-anew'] })
    await callUntil(peers.pod('db-1'), URL_OF(nameOfPeer('db-0')), answeredBy('db-0'))
    expect(await manyCalls(peers.pod('db-1'), 'db-0')).toEqual({ 'db-0': CALLS })
  })

  /** How often which pod answered. */
  async function manyCalls(client: LabPod, hostname: string): Promise<Record<string, number>> {
    const answers: Record<string, number> = {}
    for (let each = 0; each < CALLS; each++) {
      const outcome = await call(client, URL_OF(nameOfPeer(hostname)))
      const who = outcome.kind === 'answer' ? outcome.pod : JSON.stringify(outcome)
      answers[who] = (answers[who] ?? 0) + 1
    }
    return answers
  }

  function manyDatagrams(client: LabPod, hostname: string): ReturnType<typeof sendDatagrams> {
    const service = { name: nameOfPeer(hostname), port: PEER_PORTS.gossip }
    return sendDatagrams(client, service, { count: CALLS, pauseMs: 20, prefix: '', patienceMs: 10_000 })
  }

  async function addressSeenBy(client: LabPod, hostname: string): Promise<string> {
    return (await dig(client, nameOfPeer(hostname))).join()
  }

  async function dig(client: LabPod, name: string, type = 'A'): Promise<string[]> {
    const { stdout } = await client.exec(['dig', '+short', '+tries=2', '+time=3', name, type])
    return stdout.split('\n').filter((line) => line !== '')
  }
})
