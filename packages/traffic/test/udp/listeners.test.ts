import type { IpFamily, ServicePort, ServicePortName } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { combinedListeners } from '../../src/udp/combined-listeners.ts'
import { preferredPort } from '../../src/udp/preferred-port.ts'
import { eventuallyTrue } from './eventually.ts'
import { echo, Talker, UdpEndpoint } from './udp-endpoint.ts'
import { UdpLab, udpService } from './udp-lab.ts'

const METER = 'shop/meter:udp' as ServicePortName

describe('listeners for UDP', () => {
  it.each<[string, Partial<ServicePort>, IpFamily[]]>([
    ['an IPv4 ClusterIP', {}, ['IPv4']],
    ['ClusterIPs of both families', { clusterIps: ['10.96.0.9', 'fd00:96::9'] }, ['IPv4', 'IPv6']],
    ['an external IPv6 address besides', { externalIps: ['2001:db8::1'] }, ['IPv4', 'IPv6']],
    ['no ClusterIP', { clusterIps: [] }, []],
    ['another proxy', { proxied: false }, []],
    ['TCP', { protocol: 'TCP' }, []],
  ])(
    'are there for a ServicePort with %s in the families that it is called in',
    async (_what, port, families) => {
      await using lab = await UdpLab.start()
      lab.services.set(udpService(port))
      lab.services.set({ ...udpService({ name: 'shop/last:udp' as ServicePortName }), name: 'last' })
      await eventuallyTrue(
        () => lab.forwarder.listeners.listener('shop/last:udp' as ServicePortName, 'IPv4') !== undefined,
      )

      const found = (['IPv4', 'IPv6'] as const).filter((family) =>
        lab.forwarder.listeners.listener(METER, family),
      )

      expect(found).toEqual(families)
    },
  )

  it('keep their port while the ServicePort changes', async () => {
    await using lab = await UdpLab.start()
    const before = await lab.addService([])

    lab.services.set(udpService({ port: 53, nodePort: 30_053 }))

    expect(lab.forwarder.listeners.listener(METER, 'IPv4')).toEqual(before)
  })

  it('have the same port again after a restart', async () => {
    const name = 'shop/restarted:udp' as ServicePortName
    const service = { ...udpService({ name }), name: 'restarted' }
    const ports: unknown[] = []
    for (let start = 0; start < 2; start++) {
      await using lab = await UdpLab.start()
      lab.services.set(service)
      const { listeners } = lab.forwarder
      await eventuallyTrue(() => listeners.listener(name, 'IPv4') !== undefined)
      ports.push(listeners.listener(name, 'IPv4')?.port)
    }

    expect(ports).toEqual([preferredPort(name), preferredPort(name)])
  })

  it('have another port when somebody has theirs', async () => {
    const name = 'shop/late:udp' as ServicePortName
    await using first = await UdpLab.start()
    await using second = await UdpLab.start()
    for (const lab of [first, second]) {
      lab.services.set({ ...udpService({ name }), name: 'late' })
      await eventuallyTrue(() => lab.forwarder.listeners.listener(name, 'IPv4') !== undefined)
    }

    expect(second.forwarder.listeners.listener(name, 'IPv4')?.port).not.toBe(preferredPort(name))
  })

  it('give the port of a ServicePort that has gone to nobody, drop what still comes, and are there again with it', async () => {
    await using lab = await UdpLab.start()
    await using server = await UdpEndpoint.start(echo)
    await using client = await Talker.bind()
    const listener = await lab.addService([server.endpoint])
    await client.ask('one', listener)

    lab.services.delete('shop', 'meter')
    expect(lab.forwarder.listeners.listener(METER, 'IPv4')).toBeUndefined()
    expect(lab.records).toMatchObject([{ outcome: 'cut' }])
    client.send('lost', listener)
    await eventuallyTrue(() => lab.dropped('not-served') === 1)

    lab.services.set(udpService(), [server.endpoint])
    expect(lab.forwarder.listeners.listener(METER, 'IPv4')).toEqual(listener)
    await client.ask('two', listener)
    expect(server.talker.heard.map(String)).toEqual(['one', 'two'])
  })

  it('serve nobody in a family that the ServicePort has lost', async () => {
    await using lab = await UdpLab.start()
    await using server = await UdpEndpoint.start(echo)
    await using client = await Talker.bind('::1')
    const both = udpService({ clusterIps: ['10.96.0.9', 'fd00:96::9'] })
    lab.services.set(both, [server.endpoint])
    const listener = await lab.listener(both, 'IPv6')
    await client.ask('question', listener)

    lab.services.set(udpService(), [server.endpoint])
    expect(lab.records).toMatchObject([{ outcome: 'cut' }])
    client.send('lost', listener)

    await eventuallyTrue(() => lab.dropped('not-served') === 1)
    expect(lab.activeSessions).toBe(0)
  })

  it('close the port of a ServicePort that stays away', async () => {
    await using lab = await UdpLab.start({ holdBackMs: 1 })
    const listener = await lab.addService([])
    await using client = await Talker.bind()
    await client.connect(listener)

    lab.services.delete('shop', 'meter')

    await eventuallyTrue(() => {
      client.socket.send('anybody?', () => {})
      return client.errors.includes('ECONNREFUSED')
    })
  })

  it('fail alone: one that has no address is an error in the log, and the others are there', async () => {
    await using lab = await UdpLab.start({ addresses: { IPv4: '127.0.0.1', IPv6: '2001:db8::dead' } })
    lab.services.set(udpService({ clusterIps: ['10.96.0.9', 'fd00:96::9'] }))

    await lab.listener(udpService())

    await eventuallyTrue(() => lab.deps.logger.lines.some(({ level }) => level === 'error'))
    expect(lab.deps.logger.lines).toContainEqual({
      level: 'error',
      message: 'no listener for a ServicePort; will retry',
      fields: expect.objectContaining({ service: METER, family: 'IPv6' }),
    })
    expect(lab.forwarder.listeners.listener(METER, 'IPv6')).toBeUndefined()
  })

  it('are found beside those for TCP, whose changes are told, too', async () => {
    await using lab = await UdpLab.start()
    const heard: string[] = []
    const tcp = {
      listener: (name: ServicePortName) => (name === METER ? undefined : { ip: '127.0.0.1', port: 15_001 }),
      watch(listener: (changed: ServicePortName) => void) {
        listener('shop/web:http' as ServicePortName)
        return { [Symbol.dispose]: () => void heard.push('unsubscribed') }
      },
    }
    const both = combinedListeners(tcp, lab.forwarder.listeners)
    const watch = both.watch((changed) => void heard.push(changed))

    const own = await lab.addService([])
    watch[Symbol.dispose]()
    lab.services.delete('shop', 'meter')

    expect(heard).toEqual(['shop/web:http', METER, 'unsubscribed'])
    expect(both.listener('shop/web:http' as ServicePortName, 'IPv4')?.port).toBe(15_001)
    lab.services.set(udpService())
    expect(both.listener(METER, 'IPv4')).toEqual(own)
  })
})
