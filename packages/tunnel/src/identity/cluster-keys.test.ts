import { describe, expect, it } from 'vitest'
import { certificate, DAY, peer, SharedMemory, START, World } from '../../test/identity-world.ts'
import { ClusterKeys } from './cluster-keys.ts'
import { decodeClusterState } from './cluster-state.ts'
import { signerOfSeed } from './signed-document.ts'
import { Trust } from './trust.ts'
import { signTrustBundle } from './trust-bundle.ts'

describe("the cluster's keys", () => {
  it('are made once, also when two servers start at once', async () => {
    const world = new World()
    const views = [world.stored.view(), world.stored.view()]
    for (const view of views) await view.read()
    const [one, two] = await Promise.all(views.map((view) => ClusterKeys.loadOrCreate(view, world.clock)))

    expect(one?.cluster).toBe(two?.cluster)
    expect((await world.keys()).cluster).toBe(one?.cluster)
  })

  it('are changed by two at a time without a loss', async () => {
    const world = new World()
    const [one, two] = [await world.keys(), await world.keys()]
    await Promise.all(
      [one, two].flatMap((keys, server) =>
        [1, 2, 3].map((index) => keys.revoke({ kind: 'token', value: `${server}-${index}` })),
      ),
    )
    await one.refresh()

    expect(one.trust.content?.revoked).toHaveLength(6)
  })

  it('hold what was said last of a node, also within the same second', async () => {
    const world = new World()
    const keys = await world.keys()
    const isRevoked = () => keys.trust.revocation('node', 'edge-1') !== undefined
    await keys.revoke({ kind: 'node', value: 'edge-1' })
    await keys.readmit('node', 'edge-1')
    expect(isRevoked()).toBe(false)
    await keys.revoke({ kind: 'node', value: 'edge-1' })
    expect(isRevoked()).toBe(true)
  })

  it('are stored again when they were deleted, and as they are known then', async () => {
    const world = new World()
    const keys = await world.keys()
    await keys.revoke({ kind: 'node', value: 'edge-1' })
    const text = String(world.stored.content)
    world.stored.content = undefined

    expect(await keys.refresh()).toBe('restored')
    expect(String(world.stored.content)).toBe(text)
    expect(await keys.refresh()).toBe('same')
  })

  it('are never replaced when they are broken', async () => {
    const world = new World()
    await world.keys()
    const text = String(world.stored.content)
    for (const broken of [
      '',
      '{',
      text.replace(/"bundle": "./, '"bundle": "!'),
      text.replace('"keys"', '"key"'),
    ]) {
      world.stored.content = Buffer.from(broken)
      await expect(world.keys(), broken).rejects.toMatchObject({ code: 'ERR_CLUSTER_KEYS' })
      expect(String(world.stored.content)).toBe(broken)
    }
  })

  it('take no more revocations than can be read again, and keep room for those of people', async () => {
    const world = new World()
    const keys = await world.keys()
    const copy = new SharedMemory()
    copy.content = world.stored.content
    const other = await ClusterKeys.loadOrCreate(copy.view(), world.clock)
    await mergeMany(keys, world.stored, 7_999)
    const until = START + DAY
    await keys.revoke({ kind: 'peer', value: 'last', until })
    await expect(keys.revoke({ kind: 'peer', value: 'one more', until })).rejects.toThrow(/no more can be/)
    await keys.revoke({ kind: 'peer', value: 'last', until: until + 1 })
    await keys.revoke({ kind: 'node', value: 'edge-1' })
    await mergeMany(other, copy, 2_000)

    await expect(keys.merge(other.trust.bundle ?? '')).rejects.toThrow(/no more can be/)
    expect((await world.keys()).trust.content?.revoked).toHaveLength(8_001)
  })

  it('can be rotated: who slept through it finds the way, and old certificates hold until the old key goes', async () => {
    const world = new World()
    const keys = await world.keys()
    const [sleeper, longSleeper] = [world.trustOf(keys), world.trustOf(keys)]
    const [one, two] = [await peer(), await peer()]
    const old = certificate(keys, one.peerId)
    await keys.rotate()
    await expect(keys.rotate()).rejects.toThrow(/retire/)
    const fresh = certificate(keys, two.peerId)
    expect(sleeper.judge(fresh, two)).toMatchObject({ reason: 'unknown-signer' })
    const newcomer = world.trustOf(keys)
    for (const trust of [sleeper, newcomer]) {
      trust.adopt(keys.trust.bundle ?? '')
      expect(trust.judge(old, one).kind).toBe('member')
      expect(trust.judge(fresh, two).kind).toBe('member')
    }

    await keys.retire()
    for (const trust of [sleeper, newcomer, longSleeper]) {
      trust.adopt(keys.trust.bundle ?? '')
      expect(trust.judge(old, one)).toMatchObject({ reason: 'unknown-signer' })
      expect(trust.judge(fresh, two).kind).toBe('member')
    }
  })

  it('of another cluster are no way in, whatever bundle they sign', async () => {
    const world = new World()
    const [keys, others] = [await world.keys(), await new World().keys()]
    const trust = world.trustOf(keys)

    expect(() => trust.adopt(others.trust.bundle ?? '')).toThrow(/is of cluster/)
    const imposter = new Trust({ cluster: others.cluster, roots: [new Uint8Array(32)] }, world.clock)
    expect(() => imposter.adopt(others.trust.bundle ?? '')).toThrow(/no trusted key leads to/)
    expect(() => trust.adopt('nonsense')).toThrow(/can not be read/)
  })
})

/** As if another server had revoked so many at once. */
async function mergeMany(keys: ClusterKeys, stored: SharedMemory, count: number): Promise<void> {
  const [seed] = decodeClusterState(stored.content ?? Buffer.alloc(0)).seeds
  const { content } = keys.trust
  if (seed === undefined || content === undefined) throw new Error('no cluster')
  const revoked = Array.from({ length: count }, (_, index) => ({
    ...{ kind: 'token' as const, value: `${count} ${index}`, at: START, until: START + DAY },
  }))
  await keys.merge(signTrustBundle({ ...content, serial: content.serial + 1, revoked }, signerOfSeed(seed)))
}
