import { type LabHost, type Mesh, startDnsUpstream } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type DatagramOptions,
  type DatagramReport,
  sendDatagrams,
  startDatagramServer,
} from '../support/datagrams.ts'
import { report } from '../support/report.ts'
import { applyServices } from '../support/services.ts'
import { clientOf, startTwoSites } from '../support/two-sites.ts'

/** Of the client that sends a datagram per second: 20 in short runs; a full run takes 300. */
const STEADY_SECONDS = Number(process.env['EDGEWAY_UDP_SECONDS'] ?? 20)

const PORTS = { echo: 7000, closed: 7001, names: 53 }
const SERVICE_PORT = 5300
const NAMES_ADDRESS = '10.96.4.3'
const MAX_PAYLOAD_BYTES = 65_507
const LATE_MS = 5_000

/** All servers are on edge-2: the relay leads there from edge-1, and the kernel from edge-2 itself. */
describe('datagrams to a Service', () => {
  let mesh: Mesh

  beforeAll(async () => {
    mesh = await startTwoSites()
    const second = await mesh.lab.addPod('edge-2', { name: 'second', namespace: 'apps' })
    const both = [mesh.lab.pod('beta'), second]
    await Promise.all(both.map((pod) => startDatagramServer(pod, PORTS.echo)))
    await startDnsUpstream(mesh.lab.pod('beta'), { 'who.example': ['192.0.2.1'] })
    const endpoints = both.map(({ address }) => ({ ip: address, node: 'edge-2' }))
    const service = (name: keyof typeof PORTS, clusterIp: string) => {
      const target = { targetPort: PORTS[name], protocol: 'UDP', endpoints: endpointsOf[name] } as const
      return { namespace: 'apps', name, clusterIp, port: SERVICE_PORT, ...target }
    }
    const endpointsOf = { echo: endpoints, closed: endpoints.slice(0, 1), names: endpoints.slice(0, 1) }
    await applyServices(mesh, [
      service('echo', '10.96.4.1'),
      service('closed', '10.96.4.2'),
      service('names', NAMES_ADDRESS),
    ])
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it(`of one client, one per second for ${STEADY_SECONDS} s, are all answered in one session`, {
    timeout: (STEADY_SECONDS + 60) * 1_000,
  }, async () => {
    const client = clientOf(mesh, 'edge-1')
    await whenServed(client)
    const { longestMs, ...result } = await send(client, { count: STEADY_SECONDS, pauseMs: 1_000 })
    report('longest time to an answer', longestMs)

    expect(result).toMatchObject({ answered: STEADY_SECONDS, foreign: 0 })
    expect(result.servers).toHaveLength(1)
    expect(result.sessions).toHaveLength(1)
  })

  describe.each(['edge-1', 'edge-2'] as const)('from a pod on %s', (from) => {
    let client: LabHost

    beforeAll(() => {
      client = clientOf(mesh, from)
    })

    it('carry DNS', async () => {
      await expect.poll(() => dig(client), { timeout: 20_000 }).toBe('192.0.2.1\n')
    })

    it('of the greatest size go there and back unharmed', async () => {
      await whenServed(client)

      // A socket's buffer in the kernel holds hardly more than one of these: on a busy machine they get lost at a quick pace.
      expect(await send(client, { count: 5, pauseMs: 300, bytes: MAX_PAYLOAD_BYTES })).toMatchObject({
        answered: 5,
        foreign: 0,
      })
    })

    it('are answered even when that takes five seconds', async () => {
      await whenServed(client)
      const { answered, foreign, longestMs } = await send(client, { prefix: `wait ${LATE_MS} ` })

      expect({ answered, foreign }).toEqual({ answered: 1, foreign: 0 })
      expect(longestMs).toBeGreaterThanOrEqual(LATE_MS)
    })

    it('are refused when the port of the endpoint is closed', async () => {
      await using server = await startDatagramServer(mesh.lab.pod('beta'), PORTS.closed)
      await whenServed(client, 'closed')
      server.kill('SIGKILL')
      await server.exited

      // The first one finds out; the socket is told at the latest by the next.
      const { answered, error } = await send(client, { count: 50, pauseMs: 200 }, 'closed')

      expect({ answered, error }).toEqual({ answered: 0, error: 'ECONNREFUSED' })
    })

    it('of two clients do not mix', async () => {
      await whenServed(client)
      const results = await Promise.all(
        ['one ', 'two '].map((prefix) => send(client, { count: 200, pauseMs: 5, prefix })),
      )

      for (const result of results) {
        expect(result).toMatchObject({ answered: 200, foreign: 0 })
        expect(result.sessions).toHaveLength(1)
      }
      expect(new Set(results.flatMap(({ sessions, servers }) => [`${servers} ${sessions}`])).size).toBe(2)
    })
  })

  function send(client: LabHost, options: Partial<DatagramOptions>, name = 'echo'): Promise<DatagramReport> {
    const usual = { count: 1, pauseMs: 0, prefix: '', patienceMs: 10_000 }
    return sendDatagrams(client, { name: `${name}.apps`, port: SERVICE_PORT }, { ...usual, ...options })
  }

  /** Rules for the Service come a moment after it. */
  async function whenServed(client: LabHost, name = 'echo'): Promise<void> {
    const one = { patienceMs: 500 }
    await expect.poll(async () => (await send(client, one, name)).answered, { timeout: 20_000 }).toBe(1)
  }

  async function dig(host: LabHost): Promise<string> {
    const options = ['+short', '+tries=1', '+time=2', '-p', String(SERVICE_PORT), `@${NAMES_ADDRESS}`]
    return (await host.exec(['dig', ...options, 'who.example'])).stdout
  }
})
