import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import type { EndpointAddress, NodeName } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { DEFAULT_OWN_ENDPOINTS_OPTIONS } from '../src/own-endpoints/own-endpoints.ts'
import { FakeCri } from './own-endpoints/fake-cri.ts'
import { Edge } from './support/edge.ts'
import { service, slice } from './support/objects.ts'
import { eventually } from './support/running-metadata.ts'

const WEB = 'shop/web:http'
/** Of no machine (RFC 5737). */
const STORED = '192.0.2.77'
const PRESENT = '127.0.0.1'

/** A pod's server on this node. */
class Pod implements AsyncDisposable {
  readonly #server: Server = createServer((socket) => socket.end())

  async listen(port = 0): Promise<number> {
    this.#server.listen(port, PRESENT)
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** A Service with a pod on this node, which `web-0` is, and one on another. */
function cluster(port: number): object[] {
  const web = slice('web-1', 'web', [`edge-1/${STORED}`, 'edge-2/192.0.2.78'])
  const [own, other] = web['endpoints'] as object[]
  const pod = { kind: 'Pod', namespace: 'shop', name: 'web-0', uid: 'uid-web-0' }
  return [
    service('web', '10.96.0.1'),
    { ...web, ports: [{ name: 'http', port }], endpoints: [{ ...own, targetRef: pod }, other] },
  ]
}

function at(ip: string, port: number): EndpointAddress {
  return { node: 'edge-1' as NodeName, ip, port, protocol: 'TCP' }
}

function states(edge: Edge): Record<string, boolean> {
  const endpoints = edge.running.services.endpoints(
    WEB as Parameters<Edge['running']['services']['endpoints']>[0],
  )
  return Object.fromEntries(endpoints.map(({ ip, ready }) => [ip, ready]))
}

describe("the own node's endpoints while the source is away", () => {
  it('are where their pods are now, leave selection when they die, and are as told when the source is back', async () => {
    await using cri = await FakeCri.start()
    cri.setSandboxes({ id: 'a', name: 'web-0', ips: [PRESENT] })
    await using pod = new Pod()
    const port = await pod.listen()
    const criSocket = `/${cri.socketPath.slice(1)}` as const
    await using edge = await Edge.start(cluster(port), {
      ownEndpoints: { ...DEFAULT_OWN_ENDPOINTS_OPTIONS, checkIntervalMs: 5, criSocket },
    })
    const { services } = edge.running
    await eventually(() => expect(states(edge)).toEqual({ [STORED]: true, '192.0.2.78': true }))
    expect(services.presentAddress(at(STORED, port))).toEqual(at(STORED, port))

    await edge.goOffline()
    await eventually(() => expect(states(edge)).toEqual({ [PRESENT]: true, '192.0.2.78': true }))
    expect(services.presentAddress(at(STORED, port))).toEqual(at(PRESENT, port))
    // Other nodes may still ask for it where it was.
    expect([STORED, PRESENT].map((ip) => services.hasEndpoint(at(ip, port)))).toEqual([true, true])
    expect(services.hasEndpoint(at(STORED, port + 1))).toBe(false)
    expect(edge.status.ownEndpoints).toEqual({ moved: 1, dead: 0 })

    await pod[Symbol.asyncDispose]()
    await eventually(() => expect(states(edge)).toEqual({ [PRESENT]: false, '192.0.2.78': true }))
    expect(edge.status.ownEndpoints).toEqual({ moved: 1, dead: 1 })

    await edge.goOnline()
    await eventually(() => expect(states(edge)).toEqual({ [STORED]: true, '192.0.2.78': true }))
    expect(services.presentAddress(at(STORED, port))).toEqual(at(STORED, port))
    expect(services.hasEndpoint(at(PRESENT, port))).toBe(false)
    expect(edge.status.ownEndpoints).toEqual({ moved: 0, dead: 0 })
  })
})

describe('/statusz', () => {
  it('tells what the source is worth, kind by kind', async () => {
    await using edge = await Edge.start(cluster(80))
    const { source, kinds, ownEndpoints, store } = edge.status
    expect(source).toEqual({
      kind: 'metaserver',
      url: edge.double.url,
      state: 'authoritative',
      stale: false,
      secondsSinceAuthoritative: expect.any(Number),
    })
    expect(Object.keys(kinds).toSorted()).toEqual(['destinationrules', 'endpointslices', 'nodes', 'services'])
    expect(kinds['services']).toEqual({
      objects: 1,
      lastList: 'authoritative',
      secondsSinceAuthoritativeList: expect.any(Number),
      ignored: { older: 0, ghost: 0, 'other-uid': 0 },
      malformed: 0,
      corrupted: 0,
    })
    expect({ ownEndpoints, store }).toEqual({ ownEndpoints: { moved: 0, dead: 0 }, store: null })
    expect(edge.running.deps.metrics.value('edgeway_metadata_source_stale')).toBe(0)

    await edge.goOffline()
    expect(edge.status.source).toMatchObject({ state: 'void', stale: true })
    expect(edge.running.deps.metrics.value('edgeway_metadata_source_stale')).toBe(1)
    const before = edge.status.source.secondsSinceAuthoritative ?? 0
    await edge.cut()
    await eventually(() => {
      expect(edge.status.kinds['services']?.lastList).toBe('local')
      expect(edge.status.source.secondsSinceAuthoritative).toBeGreaterThan(before)
    })
    await edge.double[Symbol.asyncDispose]()
    await eventually(() => {
      expect(edge.status.source.state).toBe('unreachable')
      expect(edge.status.kinds['services']).toMatchObject({ objects: 1, lastList: 'failed' })
    })
  })
})
