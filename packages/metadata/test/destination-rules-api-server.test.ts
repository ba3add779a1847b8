import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ApiDouble,
  destinationRuleDefinition,
  destinationRuleObject,
  kubeconfigFor,
  ObjectStore,
  parseManifests,
  runControllers,
} from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import type { MetadataStatus } from './support/edge.ts'
import { service } from './support/objects.ts'
import { eventually, RunningMetadata } from './support/running-metadata.ts'

const ROLE = new URL('../../../manifests/edge-agent/cluster-role.yaml', import.meta.url)
const AGENT = 'system:serviceaccount:edgeway:edgeway-agent'

/** An API server that lets the agent do what the manifests allow it. */
class Cluster implements AsyncDisposable {
  readonly #store = new ObjectStore({ admission: false })
  readonly #controllers = runControllers(this.#store)
  readonly #parts = new AsyncDisposableStack()

  static async start(): Promise<Cluster> {
    const cluster = new Cluster()
    cluster.apply(service('web', '10.96.0.1'))
    for (const { ref, object } of parseManifests(await readFile(ROLE, 'utf8')))
      cluster.#store.create(ref, object)
    return cluster
  }

  apply(object: object): void {
    for (const placed of parseManifests(JSON.stringify(object), this.#store.kinds))
      this.#store.create(placed.ref, placed.object)
  }

  async follow(): Promise<RunningMetadata> {
    const { url } = this.#parts.use(await ApiDouble.start(this.#store))
    await using folder = await mkdtempDisposable(join(tmpdir(), 'kubeconfig-'))
    const kubeconfig = join(folder.path, 'config')
    // The double on loopback has no TLS.
    const plain = kubeconfigFor({ url }).replace('"cluster":{', '"cluster":{"insecure-skip-tls-verify":true,')
    await writeFile(kubeconfig, plain.replace('anybody', AGENT))
    const options = { source: { kind: 'apiserver', kubeconfig }, relistIntervalMs: 50 } as const
    return this.#parts.use(await RunningMetadata.start(url, options))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts[Symbol.asyncDispose]()
    this.#controllers[Symbol.dispose]()
  }
}

describe('DestinationRules of an API server', () => {
  it('that come late are followed, with the rights of the manifests', async () => {
    await using cluster = await Cluster.start()
    const running = await cluster.follow()
    const lastList = (): string | undefined =>
      (running.deps.status.read('metadata') as MetadataStatus).kinds['destinationrules']?.lastList
    await eventually(() => expect(lastList()).toBe('absent'))

    cluster.apply(destinationRuleDefinition())
    await eventually(() => expect(lastList()).toBe('authoritative'))
    const trafficPolicy = { loadBalancer: { consistentHash: { useSourceIp: true } } }
    cluster.apply(destinationRuleObject({ namespace: 'shop', name: 'web', trafficPolicy }))
    await eventually(() => {
      const { destinationPolicy } = running.services.service('shop', 'web') ?? {}
      expect(destinationPolicy?.balancing).toEqual({ kind: 'source-ip-hash' })
    })
    const { lines } = running.deps.logger
    expect(lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
  })
})
