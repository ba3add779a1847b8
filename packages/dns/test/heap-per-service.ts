/** `heap-per-service.ts COUNT`: writes how many bytes the responder keeps per Service once each name was asked for. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Endpoint, NodeName, Service, ServicePort, ServicePortName } from '@edgeway/core'
import { FakeComponentDeps, serviceOf } from '@edgeway/testbed'
import { DnsServer } from '../src/dns-server.ts'
import { DEFAULT_DNS_OPTIONS } from '../src/options.ts'
import { queryOf } from './support/query.ts'

const ADDRESS = '127.0.0.1'
const NO_ENDPOINTS: readonly Endpoint[] = []

/** A directory that never changes; a real one has its own figures in the bench `metadata`. */
class FixedDirectory {
  readonly loaded = true
  readonly #services = new Map<string, Service>()
  readonly #ports = new Map<ServicePortName, { readonly service: Service; readonly port: ServicePort }>()

  add(service: Service): void {
    this.#services.set(`${service.namespace}/${service.name}`, service)
    for (const port of service.ports) this.#ports.set(port.name, { service, port })
  }

  service(namespace: string, name: string): Service | undefined {
    return this.#services.get(`${namespace}/${name}`)
  }

  hasNamespace(): boolean {
    return true
  }

  servicePorts(): Iterable<ServicePort> {
    return this.#ports.values().map(({ port }) => port)
  }

  servicePort(name: ServicePortName): ServicePort | undefined {
    return this.#ports.get(name)?.port
  }

  serviceOf(name: ServicePortName): Service | undefined {
    return this.#ports.get(name)?.service
  }

  endpoints(): readonly Endpoint[] {
    return NO_ENDPOINTS
  }

  watch(): Disposable {
    return { [Symbol.dispose]: () => {} }
  }
}

function heapBytes(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const count = Number(process.argv[2])
const services = new FixedDirectory()
for (let index = 0; index < count; index++)
  services.add(serviceOf(`bench/s-${index}:http`, `10.98.${index >> 8}.${index & 255}`, 80))
const before = heapBytes()
const options = {
  ...DEFAULT_DNS_OPTIONS,
  listenPort: 0,
  upstreams: ['192.0.2.1'],
  responsesPerSecondPerClient: 0,
}
const node = { nodeName: 'edge-1' as NodeName, nodeAddress: ADDRESS, nodeAddress6: undefined }
const deps = { ...new FakeComponentDeps(), ...node, services }
await using server = await DnsServer.start(options, deps)
const client = createSocket('udp4')
for (let index = 0; index < count; index++) {
  const answered = once(client, 'message')
  client.send(queryOf(`s-${index}.bench.svc.cluster.local`), server.address.port, ADDRESS)
  await answered
}
client.close()
process.stdout.write(String((heapBytes() - before) / count))
