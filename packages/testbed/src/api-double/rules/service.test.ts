import { describe, expect, it } from 'vitest'
import type { ApiObject, Collection, ObjectList } from '../api-object.ts'
import type { WriteOptions } from '../backend.ts'
import { kindNamed } from '../kinds.ts'
import { ObjectStore } from '../object-store.ts'

type Fields = Readonly<Record<string, unknown>>

class Cluster extends ObjectStore {
  lists = 0

  override list(collection: Collection): ObjectList {
    this.lists++
    return super.list(collection)
  }

  apply(name: string, spec: Fields, options: WriteOptions = {}): Fields {
    const ref = { kind: kindNamed('Service'), namespace: 'default', name }
    const object: ApiObject = { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec }
    const written =
      this.find(ref) === undefined ? this.create(ref, object, options) : this.replace(ref, object, options)
    return written['spec'] as Fields
  }

  remove(name: string): void {
    this.delete({ kind: kindNamed('Service'), namespace: 'default', name })
  }
}

function nodePortService(...nodePorts: readonly (number | undefined)[]): Fields {
  const ports = nodePorts.map((nodePort, index) => ({
    name: `p${index}`,
    port: 80 + index,
    ...(nodePort === undefined ? {} : { nodePort }),
  }))
  return { type: 'NodePort', ports }
}

function nodePortsOf(spec: Fields): unknown[] {
  return (spec['ports'] as readonly Fields[]).map(({ nodePort }) => nodePort)
}

describe('addresses of Services', () => {
  const spec = { ports: [{ port: 80 }] }

  it('are each its own, and no other object is looked at to choose them or to give them back', () => {
    const cluster = new Cluster()
    const names = Array.from({ length: 1_000 }, (_, index) => `s${index}`)
    const ips = names.map((name) => cluster.apply(name, spec)['clusterIP'])
    expect(new Set(ips).size).toBe(1_000)
    for (const name of names) cluster.remove(name)
    expect(cluster.lists).toBe(0)
  })

  it('can be had by another Service once the first is gone, or has become an ExternalName', () => {
    const cluster = new Cluster()
    const named = { ...spec, clusterIP: '10.96.0.1' }
    cluster.apply('a', named)
    cluster.remove('a')
    cluster.apply('b', named)
    cluster.apply('b', { type: 'ExternalName', externalName: 'example.com' })
    expect(cluster.apply('c', named)).toMatchObject({ clusterIP: '10.96.0.1' })
  })

  it('are not taken by a dry run', () => {
    const cluster = new Cluster()
    const { clusterIP } = cluster.apply('a', spec, { dryRun: true })
    expect(cluster.apply('b', { ...spec, clusterIP })).toMatchObject({ clusterIP })
  })

  it('are chosen where the one that is named is empty', () => {
    expect(new Cluster().apply('a', { ...spec, clusterIP: '' })['clusterIP']).toMatch(/^10\.96\./)
  })

  it('of both families are each its own', () => {
    const cluster = new Cluster()
    cluster.apply('a', { ...spec, clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1', 'fd00::1'] })
    const second = { ...spec, clusterIP: '10.96.0.2', clusterIPs: ['10.96.0.2', 'fd00::1'] }
    expect(() => cluster.apply('b', second)).toThrow('fd00::1: provided IP is already allocated')
  })
})

describe('node ports of Services', () => {
  it('are each its own, also within one Service', () => {
    const cluster = new Cluster()
    const ports = [
      ...nodePortsOf(cluster.apply('a', nodePortService(undefined, 30_000, undefined))),
      ...nodePortsOf(cluster.apply('b', nodePortService(undefined))),
    ]
    expect(new Set(ports).size).toBe(4)
    expect(cluster.lists).toBe(0)
  })

  it('stay when a write does not name them', () => {
    const cluster = new Cluster()
    cluster.apply('a', nodePortService(31_000, 31_001))
    expect(nodePortsOf(cluster.apply('a', nodePortService(undefined, 31_002)))).toEqual([31_000, 31_002])
  })

  it('are refused when another Service has them, until it gives them back', () => {
    const cluster = new Cluster()
    cluster.apply('a', nodePortService(30_080))
    expect(() => cluster.apply('b', nodePortService(30_080))).toThrow(
      'spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated',
    )
    cluster.apply('a', nodePortService(30_081))
    expect(nodePortsOf(cluster.apply('b', nodePortService(30_080)))).toEqual([30_080])
  })

  it('may be the same for two protocols of one Service, and not for two ports of one', () => {
    const cluster = new Cluster()
    const dns = (protocol: string, port: number): Fields => ({
      name: `${protocol.toLowerCase()}-${port}`,
      protocol,
      port,
      nodePort: 30_053,
    })
    expect(() => cluster.apply('a', { type: 'NodePort', ports: [dns('TCP', 53), dns('TCP', 54)] })).toThrow(
      'spec.ports[1].nodePort: Duplicate value: 30053',
    )
    cluster.apply('a', { type: 'NodePort', ports: [dns('TCP', 53), dns('UDP', 53)] })
  })

  it('are for Services that have them, and go with the type', () => {
    const cluster = new Cluster()
    const plain = { ...nodePortService(30_080), type: 'ClusterIP' }
    expect(() => cluster.apply('a', plain)).toThrow(
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    )
    cluster.apply('a', nodePortService(30_080))
    expect(nodePortsOf(cluster.apply('a', plain))).toEqual([undefined])
    expect(nodePortsOf(cluster.apply('b', nodePortService(30_080)))).toEqual([30_080])
  })

  it('are chosen where the one that is named is none', () => {
    const cluster = new Cluster()
    expect(nodePortsOf(cluster.apply('a', nodePortService(0)))).toEqual([30_000])
    const plain = { ports: [{ port: 80, nodePort: null }] }
    expect(nodePortsOf(cluster.apply('b', plain))).toEqual([undefined])
  })

  it('run out', () => {
    const cluster = new Cluster()
    const all = Array.from({ length: 2_768 }, (_, index) => index)
    for (const index of all) cluster.apply(`s${index}`, nodePortService(undefined))
    expect(() => cluster.apply('one-too-many', nodePortService(undefined))).toThrow(
      expect.objectContaining({ reason: 'InternalError', message: expect.stringContaining('range is full') }),
    )
  })
})
