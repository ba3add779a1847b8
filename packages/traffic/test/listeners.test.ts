import { text } from 'node:stream/consumers'
import type { ServicePortName } from '@edgeway/core'
import { serviceOf, startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { DEFAULT_TRAFFIC_OPTIONS } from '../src/index.ts'
import { connectTo, eventually, INTERCEPTIONS, NODE, TrafficLab } from './traffic-lab.ts'

const WEB = 'shop/web:http' as ServicePortName

describe.each(INTERCEPTIONS)('listeners of Traffic with %s', (interception) => {
  it('are there for a ServicePort from its coming to its going, at one address, and say so', async () => {
    await using lab = await TrafficLab.start({ interception })
    const { listeners } = lab.traffic
    const seen: unknown[] = []
    using _watch = listeners.watch((changed) =>
      seen.push([changed, listeners.listener(changed, 'IPv4') !== undefined]),
    )

    expect(listeners.listener(WEB, 'IPv4')).toBeUndefined()
    lab.addService(WEB, [])
    const address = await eventually(() => listeners.listener(WEB, 'IPv4'))
    lab.services.set(serviceOf(WEB, '10.96.7.7', 80))
    expect(listeners.listener(WEB, 'IPv4')).toEqual(address)
    lab.services.delete('shop', 'web')

    expect(listeners.listener(WEB, 'IPv4')).toBeUndefined()
    expect(seen[0]).toEqual([WEB, true])
    expect(seen.at(-1)).toEqual([WEB, false])
  })

  it('come back with a ServicePort that comes back', async () => {
    await using web = await startTcpEndpoint((socket) => void socket.resume().end('hello'), NODE)
    await using lab = await TrafficLab.start({ interception })
    lab.addService(WEB, [])
    await eventually(() => lab.traffic.listeners.listener(WEB, 'IPv4'))

    lab.services.delete('shop', 'web')

    expect(await lab.call(lab.addService(WEB, [web.endpoint]))).toBe('hello')
  })

  it('are there at once for what the directory knows at the start', async () => {
    await using lab = await TrafficLab.start({ interception, known: serviceOf(WEB, '10.96.0.1', 80) })

    expect(lab.traffic.listeners.listener(WEB, 'IPv4')).toBeDefined()
  })

  it('are there for UDP, one for each ServicePort', async () => {
    const service = serviceOf('shop/dns:dns', '10.96.0.10', 53)
    const ports = service.ports.map((port) => ({ ...port, protocol: 'UDP' as const }))
    await using lab = await TrafficLab.start({ interception, known: { ...service, ports } })

    const listener = lab.traffic.listeners.listener('shop/dns:dns' as ServicePortName, 'IPv4')
    expect(listener?.ip).toBe('127.0.0.1')
    expect(listener).not.toEqual(lab.traffic.listeners.listener(WEB, 'IPv4'))
  })

  it('let connections go on when their ServicePort goes', async () => {
    await using web = await startTcpEndpoint((socket) => void socket.pipe(socket), NODE)
    await using lab = await TrafficLab.start({ interception })
    const client = await lab.connect(lab.addService(WEB, [web.endpoint]))
    client.write('before ')
    await new Promise((resolve) => client.once('readable', resolve))

    lab.services.delete('shop', 'web')
    client.end('after')

    expect(await text(client)).toBe('before after')
  })
})

describe.each(INTERCEPTIONS)('listeners of Traffic with %s', (interception) => {
  it('are there in each family that the node has an address of', async () => {
    const known = serviceOf(WEB, '10.96.0.1', 80)
    const clusterIps = ['10.96.0.1', 'fd00:96::1']
    const ports = known.ports.map((port) => ({ ...port, clusterIps }))
    await using both = await TrafficLab.start({ interception, known: { ...known, clusterIps, ports } })
    await using one = await TrafficLab.start({
      interception,
      known: { ...known, clusterIps, ports },
      ipv6: [],
    })

    expect(both.traffic.listeners.listener(WEB, 'IPv4')?.ip).toBe('127.0.0.1')
    expect(both.traffic.listeners.listener(WEB, 'IPv6')?.ip).toBe('::1')
    expect(one.traffic.listeners.listener(WEB, 'IPv4')?.ip).toBe('127.0.0.1')
    expect(one.traffic.listeners.listener(WEB, 'IPv6')).toBeUndefined()
  })
})

describe('the one listener for all', () => {
  it('closes a connection that was not redirected, and counts it', async () => {
    await using lab = await TrafficLab.start()
    lab.addService(WEB, [])
    const client = connectTo(await eventually(() => lab.traffic.listeners.listener(WEB, 'IPv4')))

    await new Promise((resolve) => client.resume().on('close', resolve))

    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'not-redirected' }])
    const labels = { direction: 'outbound', service: 'unknown', path: 'unknown', outcome: 'not-redirected' }
    expect(lab.deps.metrics.value('edgeway_traffic_flows_total', labels)).toBe(1)
  })

  it('refuses to start where its port is taken', async () => {
    await using taken = await startTcpEndpoint(() => {})

    await expect(TrafficLab.start({ listenPort: taken.endpoint.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
    expect(DEFAULT_TRAFFIC_OPTIONS.listenPort).not.toBe(0)
  })

  it('leaves the other address where one can not be bound', async () => {
    const listenPort = await freePort()

    await expect(TrafficLab.start({ listenPort, ipv6: ['2001:db8::1'] })).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
    })

    await using lab = await TrafficLab.start({ listenPort, known: serviceOf(WEB, '10.96.0.1', 80) })
    expect(lab.traffic.listeners.listener(WEB, 'IPv4')?.port).toBe(listenPort)
  })
})

async function freePort(): Promise<number> {
  await using free = await startTcpEndpoint(() => {})
  return free.endpoint.port
}
