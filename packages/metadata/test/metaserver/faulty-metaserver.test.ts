import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ALL_FAULTS } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { Edge } from '../support/edge.ts'
import { node, service } from '../support/objects.ts'
import { eventually } from '../support/running-metadata.ts'

const WEB = service('web', '10.96.0.1')
const API = service('api', '10.96.0.2')
const OLD = service('old', '10.96.0.3')
const NAME_OF_OLD = { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'old' }

describe('an object that was deleted while the link was down', () => {
  it('is gone for good, though MetaServer tells of it in watches and lists of its own', async () => {
    await using edge = await Edge.start([WEB, OLD], { faults: ALL_FAULTS })
    await edge.stored(2)
    await edge.goOffline()
    await edge.double.delete(NAME_OF_OLD)
    expect(edge.running.serviceNames).toEqual(['old', 'web'])

    await edge.goOnline()
    await eventually(() => expect(edge.ignored('ghost')).toBeGreaterThan(0))
    expect(edge.running.serviceNames).toEqual(['web'])
    const ofWatch = edge.ignored('ghost')
    await edge.goOffline()
    await edge.cut()
    await eventually(() => expect(edge.ignored('ghost')).toBeGreaterThan(ofWatch))
    expect(edge.status.kinds['services']).toMatchObject({ objects: 1, lastList: 'local' })
    expect(edge.running.serviceNames).toEqual(['web'])
    expect(edge.stats.ghosts).toBeGreaterThan(0)
  })

  it('is gone after a restart, too, with the source still away', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'edgeway-ghost-'))
    await using edge = await Edge.start([WEB, OLD], {
      faults: ALL_FAULTS,
      storeFile: join(folder.path, 'edgeway.db'),
    })
    await edge.stored(2)
    await edge.goOffline()
    await edge.double.delete(NAME_OF_OLD)
    await edge.goOnline()
    await eventually(() => expect(edge.running.serviceNames).toEqual(['web']))
    await edge.goOffline()

    await edge.restartMetadata()
    await eventually(() => expect(edge.lists('local')).toBeGreaterThan(1))
    expect(edge.running.serviceNames).toEqual(['web'])
  })

  it('comes back when it is made again', async () => {
    await using edge = await Edge.start([WEB, OLD], { faults: ALL_FAULTS })
    await edge.stored(2)
    await edge.goOffline()
    await edge.double.delete(NAME_OF_OLD)
    await edge.goOnline()
    await eventually(() => expect(edge.running.serviceNames).toEqual(['web']))

    await edge.watching(3)
    await edge.double.apply([node('edge-1'), service('old', '10.96.0.9')])
    await eventually(() => expect(edge.running.services.lookup('10.96.0.9', 80, 'TCP')).toBeDefined())
    expect(edge.running.serviceNames).toEqual(['old', 'web'])
  })
})

describe("a list of the node's own store", () => {
  it('that lacks an object does not delete it', async () => {
    await using edge = await Edge.start([WEB])
    await edge.stored(1)
    edge.double.dropNextEvent()
    await edge.double.apply([API])
    await eventually(() => expect(edge.stats.lostDeliveries).toBe(1))
    await edge.restartMetadata()
    await eventually(() => expect(edge.running.serviceNames).toEqual(['api', 'web']))

    await edge.goOffline()
    await edge.cut()
    await eventually(() => expect(edge.lists('local')).toBeGreaterThan(1))
    expect(edge.running.serviceNames).toEqual(['api', 'web'])
  })

  it('that is empty changes nothing, nor does a wiped store when the cloud is back', async () => {
    await using edge = await Edge.start([WEB, API], { faults: ALL_FAULTS })
    await edge.stored(2)
    await edge.goOffline()
    await edge.double.restartEdge({ wipe: true })
    await eventually(() => expect(edge.lists('void')).toBeGreaterThan(1))
    expect(edge.running.serviceNames).toEqual(['api', 'web'])

    await edge.goOnline()
    await edge.watching(3)
    // The very next version is one that MetaServer keeps to itself.
    await edge.double.apply([node('edge-1'), service('new', '10.96.0.4')])
    await eventually(() => expect(edge.running.serviceNames).toEqual(['api', 'new', 'web']))
  })

  it('is what a node begins with that starts while the cloud is away', async () => {
    await using edge = await Edge.start([WEB, API])
    await edge.stored(2)
    await edge.goOffline()
    await edge.restartMetadata()
    await eventually(() => expect(edge.running.serviceNames).toEqual(['api', 'web']))
    expect(edge.status.source).toMatchObject({ stale: true, secondsSinceAuthoritative: null })
  })
})

describe('a watch', () => {
  it('is opened anew when the link is back, and nothing that happened meanwhile waits for the next list', async () => {
    await using edge = await Edge.start([WEB], { faults: ALL_FAULTS })
    await edge.goOffline()
    edge.double.restartCloudcore()
    await edge.double.apply([API])
    await edge.goOnline()
    await eventually(() => expect(edge.running.serviceNames).toEqual(['api', 'web']))

    await edge.watching(3)
    const lists = edge.lists('authoritative')
    // The very next version is one that MetaServer keeps to itself.
    await edge.double.apply([node('edge-1'), service('new', '10.96.0.4')])
    await eventually(() => expect(edge.running.serviceNames).toEqual(['api', 'new', 'web']))
    expect(edge.lists('authoritative')).toBe(lists)
  })

  it('follows a half-open link that came back', async () => {
    await using edge = await Edge.start([WEB], { faults: ALL_FAULTS })
    edge.double.setLink({ state: 'half-open' })
    await eventually(() => expect(edge.status.source.stale).toBe(true))
    await edge.double.apply([API])
    await edge.goOnline()
    await eventually(() => expect(edge.running.serviceNames).toEqual(['api', 'web']))
  })

  it('that misses what happened is made good by the next list', async () => {
    await using edge = await Edge.start([WEB], { relistIntervalMs: 300, watchTimeoutSeconds: 1 })
    await edge.stored(1)
    edge.double.dropNextEvent()
    await edge.double.apply([API])
    await eventually(() => expect(edge.running.serviceNames).toEqual(['api', 'web']))
  })

  it('is read on while nobody waits for what is made of it, so that the node is delivered to', async () => {
    await using edge = await Edge.start([WEB], { double: { watchQueueLength: 1 } })
    const text = 'x'.repeat(60_000)
    const seen: string[] = []
    // Who has to do something with each change does it in its own time.
    edge.running.services.watch((changed) => void Promise.resolve().then(() => seen.push(changed)))
    const many = Array.from({ length: 150 }, (_, index) => {
      const { metadata, ...rest } = service(`s${index}`, `10.97.0.${index}`)
      return { ...rest, metadata: { ...metadata, annotations: { 'example.com/text': text } } }
    })
    await edge.double.apply([node('edge-1'), ...many])
    await eventually(() => expect(seen).toHaveLength(150))
    expect(edge.stats).toMatchObject({ stalled: false, queued: 0 })
  })
})
