import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  formatServicePortName,
  type IpFamily,
  type ListenerAddress,
  type ServicePort,
  type ServicePortName,
} from '@edgeway/core'
import { FakeServiceDirectory, MemoryLogger, serviceOf } from '@edgeway/testbed'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ListenerPerServicePort } from './listener-per-service-port.ts'

const WEB = serviceOf('shop/web:http', '10.96.0.1', 80)
const WEB_HTTP = formatServicePortName('shop', 'web', 'http')
const API_HTTP = formatServicePortName('shop', 'api', 'http')

/** Listeners on loopback that say what each connection called, and follow a directory. */
async function start(holdBackMs: number, addresses: Partial<Record<IpFamily, string>>) {
  const services = new FakeServiceDirectory()
  const calls: (string | undefined)[] = []
  const listeners = await ListenerPerServicePort.start(
    { addresses, holdBackMs },
    {
      services,
      logger: new MemoryLogger(),
      onFatal: (error) => expect.unreachable(error.message),
      onConnection(socket, called) {
        calls.push(called && `${called.servicePort.name} ${called.scope}`)
        socket.end()
      },
    },
  )
  onTestFinished(() => listeners[Symbol.asyncDispose]())
  return { services, listeners, calls }
}

const LOOPBACK = { IPv4: '127.0.0.1', IPv6: '::1' }
const LONG_MS = 3_600_000

async function addressOf(
  listeners: ListenerPerServicePort,
  name: ServicePortName,
  family: IpFamily = 'IPv4',
): Promise<ListenerAddress> {
  await expect.poll(() => listeners.listener(name, family), { interval: 5 }).toBeDefined()
  return listeners.listener(name, family) ?? expect.unreachable()
}

/** Waits until the other side has ended it. */
async function call({ ip, port }: ListenerAddress): Promise<void> {
  const socket: Socket = connect({ host: ip, port })
  await once(socket.resume(), 'close')
}

function webWith(port: Partial<ServicePort>): typeof WEB {
  return { ...WEB, ports: WEB.ports.map((plain) => ({ ...plain, ...port })) }
}

describe('ListenerPerServicePort', () => {
  it.each<[string, Partial<ServicePort>, IpFamily[]]>([
    ['an IPv4 ClusterIP', {}, ['IPv4']],
    ['an IPv6 ClusterIP', { clusterIps: ['fd00:96::1'] }, ['IPv6']],
    ['ClusterIPs of both', { clusterIps: ['10.96.0.1', 'fd00:96::1'] }, ['IPv4', 'IPv6']],
    ['an external IPv6 address besides', { externalIps: ['2001:db8::1'] }, ['IPv4', 'IPv6']],
    ['a node port and an IPv6 ClusterIP', { clusterIps: ['fd00:96::1'], nodePort: 30_080 }, ['IPv6']],
    ['no ClusterIP', { clusterIps: [], externalIps: ['192.0.2.1'] }, []],
    ['UDP', { protocol: 'UDP' }, []],
  ])(
    'listens for a ServicePort with %s in the families that it is called in',
    async (_what, port, expected) => {
      const { services, listeners } = await start(LONG_MS, LOOPBACK)
      services.set(serviceOf('shop/api:http', '10.96.0.2', 80))
      services.set(webWith(port))
      await addressOf(listeners, API_HTTP)
      for (const family of expected) await call(await addressOf(listeners, WEB_HTTP, family))

      const found = (['IPv4', 'IPv6'] as const).filter((family) => listeners.listener(WEB_HTTP, family))
      expect(found).toEqual(expected)
    },
  )

  it('listens in no family that the node has no address of', async () => {
    const { services, listeners } = await start(LONG_MS, { IPv4: '127.0.0.1' })
    services.set(webWith({ clusterIps: ['10.96.0.1', 'fd00:96::1'] }))
    await addressOf(listeners, WEB_HTTP)

    expect(listeners.listener(WEB_HTTP, 'IPv6')).toBeUndefined()
  })

  it('takes every connection for one from within the cluster', async () => {
    const { services, listeners, calls } = await start(LONG_MS, LOOPBACK)
    services.set(webWith({ nodePort: 30_080 }))

    await call(await addressOf(listeners, WEB_HTTP))

    expect(calls).toEqual(['shop/web:http internal'])
  })

  it('gives the port of a ServicePort that has gone to nobody, refuses its callers, and has it again when it is back', async () => {
    const { services, listeners, calls } = await start(LONG_MS, LOOPBACK)
    services.set(WEB)
    const address = await addressOf(listeners, WEB_HTTP)

    services.delete('shop', 'web')
    expect(listeners.listener(WEB_HTTP, 'IPv4')).toBeUndefined()
    await call(address)
    expect(calls).toEqual([undefined])

    services.set(WEB)
    expect(listeners.listener(WEB_HTTP, 'IPv4')).toEqual(address)
    await call(address)
    expect(calls).toEqual([undefined, 'shop/web:http internal'])
  })

  it('refuses callers in a family that the ServicePort has lost', async () => {
    const { services, listeners, calls } = await start(LONG_MS, LOOPBACK)
    services.set(webWith({ clusterIps: ['10.96.0.1', 'fd00:96::1'] }))
    const address = await addressOf(listeners, WEB_HTTP, 'IPv6')

    services.set(WEB)
    await call(address)

    expect(calls).toEqual([undefined])
    expect(listeners.listener(WEB_HTTP, 'IPv4')).toBeDefined()
  })

  it('closes the port of a ServicePort that stays away', async () => {
    const { services, listeners } = await start(1, LOOPBACK)
    services.set(WEB)
    const { ip, port } = await addressOf(listeners, WEB_HTTP)

    services.delete('shop', 'web')

    const outcome = async (): Promise<unknown> => {
      const socket = connect({ host: ip, port })
      return await once(socket.resume(), 'close').catch((error: NodeJS.ErrnoException) => error.code)
    }
    await expect.poll(outcome, { interval: 5 }).toBe('ECONNREFUSED')
  })
})
