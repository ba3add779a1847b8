import { formatServicePortName, type NodeName } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { DnsServer } from '../src/dns-server.ts'
import type { DnsListenError } from '../src/errors.ts'
import { DEFAULT_DNS_OPTIONS } from '../src/options.ts'
import { askOneTcp, askOneUdp, TcpClient } from './support/client.ts'
import { FakeUpstream } from './support/fake-upstream.ts'
import { answersIn, queryOf, replyTo } from './support/query.ts'
import { startServer } from './support/server.ts'

const web = queryOf('web.shop.svc.cluster.local')
const IPV6 = { nodeAddress6: '::1' }

describe('a responder on a node with IPv6', () => {
  it('answers over UDP and TCP in both families at one port', async () => {
    await using dns = await startServer({}, IPV6)
    const { port } = dns.address

    for (const ip of ['127.0.0.1', '::1']) {
      expect(answersIn(await askOneUdp({ ip, port }, web))).toEqual(['10.96.0.1'])
      expect(answersIn(await askOneTcp({ ip, port }, web))).toEqual(['10.96.0.1'])
    }
  })

  it('counts TCP connections of both families together, and bounds them together', async () => {
    await using dns = await startServer({ maxTcpConnections: 2 }, IPV6)
    const { port } = dns.address
    await using first = await TcpClient.connect({ ip: '127.0.0.1', port })
    await using second = await TcpClient.connect({ ip: '::1', port })
    for (const client of [first, second]) {
      client.send(web)
      await client.received(1)
    }
    expect(dns.deps.metrics.value('edgeway_dns_tcp_connections')).toBe(2)

    await using third = await TcpClient.connect({ ip: '::1', port })
    await third.closed
    expect(dns.deps.metrics.value('edgeway_dns_refused_connections_total')).toBe(1)
  })

  it('answers what is in work in both families before it stops', async () => {
    const gate = Promise.withResolvers<void>()
    await using upstream = await FakeUpstream.start(async ({ message }) => {
      await gate.promise
      return [replyTo(message, ['192.0.2.1'])]
    })
    const dns = await startServer({ upstreams: [upstream], drainTimeoutMs: 60_000 }, IPV6)
    const { port } = dns.address
    // Different names: one question that is asked twice goes to the upstream once.
    const asked = ['127.0.0.1', '::1'].flatMap((ip, index) => [
      askOneUdp({ ip, port }, queryOf(`udp${index}.example.com`)),
      askOneTcp({ ip, port }, queryOf(`tcp${index}.example.com`)),
    ])
    await upstream.asked(4)

    const stopped = dns[Symbol.asyncDispose]()
    gate.resolve()
    await stopped
    expect((await Promise.all(asked)).map(answersIn)).toEqual(Array(4).fill(['192.0.2.1']))
  })

  it('says which address it can not have, and then has none', async () => {
    await using dns = await startServer({}, IPV6)
    const { port } = dns.address
    const options = { ...DEFAULT_DNS_OPTIONS, listenPort: port }
    const elsewhere = {
      ...dns.deps,
      services: dns.services,
      nodeAddress: '127.0.0.2',
      nodeName: 'edge-1' as NodeName,
    }

    await expect(DnsServer.start(options, { ...elsewhere, nodeAddress6: '::1' })).rejects.toMatchObject({
      code: 'ERR_DNS_LISTEN',
      message: `can't listen for DNS on ::1 port ${port}`,
      cause: { code: 'EADDRINUSE' },
    } satisfies Partial<DnsListenError>)
    await using _other = await DnsServer.start(options, { ...elsewhere, nodeAddress6: undefined })
  })

  it("names its listener of each family for the cluster's DNS", async () => {
    const clusterDns = { ...DEFAULT_DNS_OPTIONS.clusterDns, services: ['shop/web'], intercept: true }
    await using dns = await startServer({ clusterDns }, IPV6)
    const name = formatServicePortName('shop', 'web', 'http')
    const [service] = [dns.services.service('shop', 'web')]
    if (service === undefined) throw new Error('web is there')
    dns.services.set({ ...service, ports: service.ports.map((port) => ({ ...port, port: 53 })) })

    const { port } = dns.address
    const { clusterDnsListeners } = dns.server
    expect(clusterDnsListeners.listener(name, 'IPv4')).toEqual({ ip: '127.0.0.1', port })
    expect(clusterDnsListeners.listener(name, 'IPv6')).toEqual({ ip: '::1', port })
  })
})
