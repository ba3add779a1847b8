import type { Endpoint, NodeName, ServicePort, ServicePortName } from '@edgeway/core'
import { nodeOf } from '@edgeway/testbed'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { HeadlessCluster, headlessService, peerAt } from '../../test/support/headless-cluster.ts'

const SERVICES = ['a', 'b'] as const
const NODES = ['edge-1', 'edge-2', 'edge-3'] as const

const endpoints = fc.array(
  fc
    .record({
      host: fc.constantFrom('', 'x', 'y'),
      node: fc.constantFrom(...NODES),
      ip: fc.constantFrom('10.1.0.1', '10.1.0.2', 'fd00::1'),
      port: fc.constantFrom(80, 81),
      ready: fc.boolean(),
      terminating: fc.boolean(),
    })
    .map(({ host, node, ip, port, ...others }) => peerAt(`${host}@${node}/${ip}:${port}`, others)),
  { maxLength: 4 },
)

const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('set' as const),
        service: fc.constantFrom(...SERVICES),
        endpoints,
        publishNotReadyAddresses: fc.boolean(),
        proxied: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('delete' as const), service: fc.constantFrom(...SERVICES) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('node' as const),
        node: fc.constantFrom(...NODES),
        network: fc.constantFrom(undefined, 'lan'),
      }),
    },
  ),
  { minLength: 1, maxLength: 25 },
)

type Step = typeof steps extends fc.Arbitrary<(infer One)[]> ? One : never

/** What a reader of either directory has that goes by what it is told alone. */
class Readers implements Disposable {
  readonly cluster = new HeadlessCluster({ ipv4: '240.240.0.0/28' })
  readonly #names = new Map<ServicePortName, readonly Endpoint[]>()
  readonly #ports = new Map<ServicePortName, ServicePort>()
  readonly #endpoints = new Map<ServicePortName, readonly Endpoint[]>()

  constructor() {
    const { names, services } = this.cluster.virtual
    names.watch((name) => void this.#names.set(name, names.endpoints(name)))
    services.watch((name) => {
      const port = services.servicePort(name)
      this.#endpoints.set(name, services.endpoints(name))
      if (port === undefined) this.#ports.delete(name)
      else this.#ports.set(name, port)
    })
  }

  take(step: Step): void {
    const { directory, nodes } = this.cluster
    if (step.kind === 'node') nodes.set(nodeOf(step.node, { routedNetwork: step.network }))
    else if (step.kind === 'delete') directory.delete('shop', step.service)
    else {
      const name = `shop/${step.service}:pg` as ServicePortName
      const { publishNotReadyAddresses, proxied } = step
      const plain = headlessService({ name: step.service, publishNotReadyAddresses })
      const ports = plain.ports.map((port) => ({ ...port, name, proxied }))
      directory.set({ ...plain, ports }, step.endpoints)
    }
  }

  compare(): void {
    const { names, services } = this.cluster.virtual
    for (const [name, told] of this.#names) {
      const now = names.endpoints(name)
      // The very array, unless there is nothing in it.
      if (told.length > 0) expect(now).toBe(told)
      expect(now).toEqual(told)
    }
    for (const [name, told] of this.#endpoints) expect(services.endpoints(name)).toEqual(told)
    expect([...services.servicePorts()].toSorted(byName)).toEqual([...this.#ports.values()].toSorted(byName))
  }

  /** Who starts now, with what is stored, sees the same but for those who are gone. */
  compareWithAnother(): void {
    const { directory, nodes, store, virtual } = this.cluster
    using other = new HeadlessCluster({ directory, nodes, store, ipv4: '240.240.0.0/28' })
    for (const { name } of directory.servicePorts())
      expect(other.virtual.names.endpoints(name)).toEqual(virtual.names.endpoints(name))
    for (const { name } of other.virtual.services.servicePorts())
      for (const ask of ['servicePort', 'serviceOf', 'endpoints'] as const)
        expect(virtual.services[ask](name)).toEqual(other.virtual.services[ask](name))
  }

  [Symbol.dispose](): void {
    this.cluster[Symbol.dispose]()
  }
}

function byName(a: ServicePort, b: ServicePort): number {
  return a.name < b.name ? -1 : 1
}

it('after any changes headless Services are what they would be from scratch, and all that changed was told of', () => {
  fc.assert(
    fc.property(steps, (taken) => {
      using readers = new Readers()
      for (const step of taken) {
        readers.take(step)
        readers.compare()
      }
      readers.compareWithAnother()
    }),
    { numRuns: 200 },
  )
})

it('no endpoint that its own address does not lead to has a name for it', () => {
  fc.assert(
    fc.property(steps, (taken) => {
      using readers = new Readers()
      const { cluster } = readers
      for (const step of taken) readers.take(step)
      const network = (node: NodeName | undefined) => node && cluster.nodes.node(node)?.routedNetwork
      for (const port of cluster.directory.servicePorts()) {
        const named = cluster.virtual.names.endpoints(port.name)
        for (const [index, { node, ip }] of cluster.directory.endpoints(port.name).entries()) {
          const isNear =
            node === 'edge-1' ||
            (network(node) !== undefined && network(node) === network('edge-1' as NodeName))
          expect(named[index]?.ip === ip).toBe(isNear || !port.proxied)
        }
      }
    }),
    { numRuns: 300 },
  )
})
