import type { BalancingPolicy, Endpoint, NodeName, Service } from '@edgeway/core'
import {
  endpointSelectionContract,
  endpointsOf,
  FakeEndpointHealth,
  FakeNodeDirectory,
  FakeServiceDirectory,
  type SelectionChoice,
  type SelectionScene,
  serviceOf,
} from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { balancerFor } from './balancer-for.ts'
import { EndpointLoads } from './endpoint-loads.ts'
import { type Call, EndpointPicker, type EndpointPickerDeps } from './endpoint-picker.ts'
import { seededRandom } from './test/candidates.ts'

const OWN = 'edge-1' as NodeName
const ROUND_ROBIN = { 'edgeway.io/balancing': 'round-robin' }

function pickerOf(deps: Partial<EndpointPickerDeps> & Pick<EndpointPickerDeps, 'services'>): EndpointPicker {
  return new EndpointPicker({
    viewpoint: { nodeName: OWN, nodes: new FakeNodeDirectory() },
    health: new FakeEndpointHealth(),
    loads: { loadOf: () => undefined },
    balancerFor: (policy) => balancerFor(policy, { now: () => 0, random: () => 0 }),
    ...deps,
  })
}

/** Those that come first in turn, when each does once. */
function choose(scene: SelectionScene): SelectionChoice {
  const { service, port, endpoints, health, nodes, nodeName, scope } = scene
  const services = new FakeServiceDirectory()
  services.set({ ...service, annotations: { ...service.annotations, ...ROUND_ROBIN } }, endpoints)
  const viewpoint = { nodeName, nodes: new FakeNodeDirectory(nodes) }
  const picker = pickerOf({ services, health, viewpoint })
  const call = { servicePort: port.name, scope, clientIp: '10.1.0.9' }
  const first = new Set(endpoints.map(() => picker.order(call).next().value))
  return { endpoints: endpoints.filter((endpoint) => first.has(endpoint)) }
}

describe('EndpointPicker', () => {
  it.each(endpointSelectionContract(choose))('$title', async ({ run }) => await run())
})

describe('EndpointPicker of a ServicePort', () => {
  const SERVICE = serviceOf('shop/web:http', '10.96.0.1', 80)
  const NAME = SERVICE.ports[0]?.name ?? expect.fail()
  const [NEAR_1, NEAR_2, FAR] = endpointsOf(
    'edge-1/10.1.0.1:80',
    'edge-1/10.1.0.2:80',
    'edge-2/10.1.0.1:80',
  ) as [Endpoint, Endpoint, Endpoint]
  let services: FakeServiceDirectory
  let health: FakeEndpointHealth
  let picker: EndpointPicker

  beforeEach(() => {
    services = new FakeServiceDirectory()
    health = new FakeEndpointHealth()
    picker = pickerOf({ services, health })
    set([NEAR_1, NEAR_2])
  })

  function set(
    endpoints: readonly Endpoint[],
    service: Partial<Service> = { annotations: ROUND_ROBIN },
  ): void {
    services.set({ ...SERVICE, ...service }, endpoints)
  }

  function order(): Endpoint[] {
    return [...picker.order({ servicePort: NAME, scope: 'internal', clientIp: '10.1.0.9' })]
  }

  /** The endpoint of a flow that could connect to it. */
  function first(call: Partial<Call> = {}): Endpoint | undefined {
    const [endpoint] = picker.order({ servicePort: NAME, scope: 'internal', clientIp: '10.1.0.9', ...call })
    return endpoint
  }

  it('has every endpoint once, the nearest first', () => {
    set([FAR, NEAR_1, NEAR_2])

    expect(order()).toEqual([NEAR_1, NEAR_2, FAR])
  })

  it('goes round the endpoints of each scope by itself', () => {
    for (const scope of ['internal', 'external'] as const)
      expect([first({ scope }), first({ scope })].toSorted(byIp)).toEqual([NEAR_1, NEAR_2])
  })

  it('puts those that fail last, even the nearest', () => {
    set([NEAR_1, NEAR_2, FAR])
    health.set(NAME, NEAR_1, 'unhealthy')
    health.set(NAME, NEAR_2, 'unhealthy')

    const [best, ...others] = order()

    expect(best).toEqual(FAR)
    expect(others.toSorted(byIp)).toEqual([NEAR_1, NEAR_2])
  })

  it('leaves it to a healthy endpoint farther away while the nearest only recovers', () => {
    set([NEAR_1, FAR])
    health.set(NAME, NEAR_1, 'recovering')

    expect(order()).toEqual([FAR, NEAR_1])
  })

  it('never leaves the limits that nothing lifts, whatever fails', () => {
    set([NEAR_1, FAR], { internalTrafficPolicy: 'Local' })
    health.set(NAME, NEAR_1, 'unhealthy')

    expect(order()).toEqual([NEAR_1])
  })

  it('asks the balancer for the next endpoint only when the one before has failed', () => {
    let picks = 0
    const counting = pickerOf({
      services,
      balancerFor: () => ({
        pick: ([first]) => {
          picks++
          return first
        },
      }),
    })

    counting.order({ servicePort: NAME, scope: 'internal', clientIp: '10.1.0.9' }).next()

    expect(picks).toBe(1)
  })

  it('keeps a client with its endpoint as long as that is there', () => {
    set([NEAR_1, NEAR_2], { clientIpAffinitySeconds: 60 })
    const kept = first()

    expect(Array.from({ length: 5 }, () => first())).toEqual(Array(5).fill(kept))
  })

  it('keeps together what has the same key, whoever calls, and a client where there is none', () => {
    set([NEAR_1, NEAR_2], { annotations: { 'edgeway.io/hash-header': 'x-user' } })
    const clients = Array.from({ length: 20 }, (_, index) => `10.1.0.${index}`)
    const chosen = (call: (client: string) => Partial<Call>): Set<unknown> =>
      new Set(clients.map((client) => first(call(client))))

    expect(chosen((clientIp) => ({ clientIp, key: 'ann' })).size).toBe(1)
    expect(chosen((key) => ({ key })).size).toBe(2)
    expect(chosen((clientIp) => ({ clientIp })).size).toBe(2)
  })

  it.each<[policy: string, service: Partial<Service>]>([
    ['source-ip-hash', { annotations: { 'edgeway.io/balancing': 'source-ip-hash' } }],
    ['session affinity', { clientIpAffinitySeconds: 60 }],
  ])('keeps a client with its endpoint whatever key a call has, by %s', (_policy, service) => {
    set([NEAR_1, NEAR_2], service)
    const random = seededRandom(7)
    const by = (policy: BalancingPolicy) => balancerFor(policy, { now: () => 0, random })
    picker = pickerOf({ services, balancerFor: by })
    const keys = Array.from({ length: 20 }, (_, index) => `shop-${index}.example.org`)

    expect(new Set(keys.map((key) => first({ key }))).size).toBe(1)
    expect(new Set(keys.map((_, index) => first({ clientIp: `10.1.0.${index}`, key: 'x' }))).size).toBe(2)
  })

  it('remembers what its balancers have chosen over changes of the Service that leave the policy', () => {
    set([NEAR_1, NEAR_2], { clientIpAffinitySeconds: 60 })
    const clients = Array.from({ length: 20 }, (_, index) => `10.1.0.${index}`)
    const chosen = (): unknown[] => clients.map((clientIp) => first({ clientIp }))
    const random = seededRandom(7)
    picker = pickerOf({
      services,
      balancerFor: (policy) => balancerFor(policy, { now: () => 0, random }),
    })
    const before = chosen()
    set([NEAR_1, NEAR_2], { clientIpAffinitySeconds: 60, publishNotReadyAddresses: true })

    expect(chosen()).toEqual(before)
  })

  it('starts anew with another policy', () => {
    set([NEAR_1, NEAR_2], { clientIpAffinitySeconds: 60 })
    first()
    set([NEAR_1, NEAR_2])

    expect([first(), first()].toSorted(byIp)).toEqual([NEAR_1, NEAR_2])
  })

  it('lists an endpoint once that two EndpointSlices have', () => {
    set([NEAR_1, { ...NEAR_1 }])

    expect(order()).toEqual([NEAR_1])
  })

  it('gives nodes the shares that the Service wishes', () => {
    set([NEAR_1, FAR], {
      annotations: { ...ROUND_ROBIN, 'edgeway.io/topology': 'any', 'edgeway.io/weights': 'edge-2=3' },
    })

    const chosen = Array.from({ length: 8 }, () => first())

    expect(chosen.filter((endpoint) => endpoint === FAR)).toHaveLength(6)
  })

  it('goes by the loads as they are, also of an endpoint that was forgotten meanwhile', () => {
    const loads = new EndpointLoads(services, () => 0)
    const endpoints = [NEAR_1, NEAR_2]
    const wish = { annotations: { 'edgeway.io/balancing': 'least-connections' } }
    picker = pickerOf({ services, loads })
    set(endpoints, wish)
    loads.opened(NAME, NEAR_1)
    expect(first()).toBe(NEAR_2)
    loads.closed(NAME, NEAR_1)
    services.setEndpoints(NAME, [])
    services.setEndpoints(NAME, endpoints)

    loads.opened(NAME, NEAR_1)
    expect(first()).toBe(NEAR_2)
  })

  it('chooses among the others, then all anew, when asked to', () => {
    const tried = picker.order({ servicePort: NAME, scope: 'internal', clientIp: '10.1.0.9' })
    const one = tried.take()
    tried.giveBack()
    expect(tried.take()).toBe(NEAR_2)
    expect(tried.take()).toBe(one)
    expect(tried.take()).toBeUndefined()
    expect(tried.hasBegunAnew).toBe(false)

    expect(tried.again()).toBe(NEAR_2)
    expect(tried.take()).toBe(one)
    expect(tried.take()).toBeUndefined()
    expect(tried.hasBegunAnew).toBe(true)
    set([NEAR_1])
    expect([tried.again(), tried.again()]).toEqual([NEAR_1, NEAR_1])
  })

  it('has nothing for a ServicePort that has gone', () => {
    services.delete(SERVICE.namespace, SERVICE.name)

    expect(order()).toEqual([])
  })
})

function byIp(a: Endpoint | undefined, b: Endpoint | undefined): number {
  return (a?.ip ?? '').localeCompare(b?.ip ?? '')
}
