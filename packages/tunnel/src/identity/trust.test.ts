import { describe, expect, it } from 'vitest'
import { certificate, DAY, NODE, peer, SharedMemory, START, World } from '../../test/identity-world.ts'
import { ClusterKeys } from './cluster-keys.ts'
import { CLOCK_SKEW_SECONDS } from './membership.ts'
import type { Trust } from './trust.ts'

describe('a membership certificate', () => {
  it('makes its bearer a member, for who knows a root of the cluster', async () => {
    const world = new World()
    const keys = await world.keys()
    const { peerId } = await peer()
    const verdict = world.trustOf(keys).judge(certificate(keys, peerId), { peerId, role: 'agent' })

    expect(verdict).toMatchObject({
      kind: 'member',
      membership: { node: NODE, peerId, cluster: keys.cluster, notAfter: START + 30 * DAY },
    })
  })

  it('is refused with the reason', async () => {
    const world = new World()
    const [keys, others] = [await world.keys(), await new World().keys()]
    const [one, two] = [await peer(), await peer()]
    const trust = world.trustOf(keys)
    const good = certificate(keys, one.peerId)
    const [body = ''] = good.split('.')
    const reasonOf = (text: string | undefined, expected: Parameters<Trust['judge']>[1]) => {
      const verdict = trust.judge(text, expected)
      return verdict.kind === 'refused' ? verdict.reason : verdict.kind
    }
    const of = { peerId: one.peerId }

    expect(reasonOf(undefined, of)).toBe('no-certificate')
    expect(reasonOf('nonsense', of)).toBe('malformed')
    expect(reasonOf('A'.repeat(10_000), of)).toBe('malformed')
    expect(reasonOf(certificate(others, one.peerId), of)).toBe('wrong-cluster')
    expect(reasonOf(`${body}.${'A'.repeat(86)}`, of)).toBe('bad-signature')
    expect(reasonOf(good, { peerId: two.peerId })).toBe('wrong-key')
    expect(reasonOf(good, { ...of, role: 'server' })).toBe('wrong-role')
    expect(reasonOf(good, of)).toBe('member')
  })

  it('tolerates ten minutes of clock skew at both ends, and no more', async () => {
    const world = new World()
    const keys = await world.keys()
    const trust = world.trustOf(keys)
    const { peerId } = await peer()
    const text = certificate(keys, peerId, 100)
    const at = (seconds: number) => {
      world.seconds = seconds
      const verdict = trust.judge(text, { peerId })
      return verdict.kind === 'refused' ? verdict.reason : verdict.kind
    }

    expect(at(START - CLOCK_SKEW_SECONDS)).toBe('member')
    expect(at(START - CLOCK_SKEW_SECONDS - 1)).toBe('not-yet-valid')
    expect(at(START + 100 + CLOCK_SKEW_SECONDS)).toBe('member')
    expect(at(START + 100 + CLOCK_SKEW_SECONDS + 1)).toBe('expired')
  })

  it('is valid at a node that boots in 1970, which knows a signed time', async () => {
    const world = new World()
    const keys = await world.keys()
    const { peerId } = await peer()
    const text = certificate(keys, peerId)
    const trust = world.trustOf(keys)
    world.seconds = 0
    expect(trust.judge(text, { peerId })).toMatchObject({ reason: 'not-yet-valid' })
    world.clock.see(START + DAY)

    expect(trust.judge(text, { peerId }).kind).toBe('member')
  })
})

describe('revocation', () => {
  it('reaches whoever adopts the newer bundle, and is told', async () => {
    const world = new World()
    const keys = await world.keys()
    const trust = world.trustOf(keys)
    const { peerId } = await peer()
    const text = certificate(keys, peerId)
    let told = 0
    using _ = trust.onChange(() => told++)
    expect(trust.adopt(keys.trust.bundle ?? '')).toBe('adopted')
    const before = keys.trust.bundle ?? ''
    await keys.revoke({ kind: 'node', value: NODE })

    expect(trust.judge(text, { peerId }).kind).toBe('member')
    expect(trust.adopt(keys.trust.bundle ?? '')).toBe('adopted')
    expect(trust.judge(text, { peerId })).toMatchObject({ reason: 'revoked' })
    expect(trust.adopt(before)).toBe('older')
    expect(trust.judge(text, { peerId })).toMatchObject({ reason: 'revoked' })
    expect(told).toBe(2)
  })

  it('of a node holds until it is invited anew, whenever its certificate was issued, and can be taken back', async () => {
    const world = new World()
    const keys = await world.keys()
    const { peerId } = await peer()
    const request = { node: NODE, peerId, role: 'agent' as const, labels: {} }
    await keys.revoke({ kind: 'node', value: NODE })
    const at = world.seconds
    world.seconds += 1
    // As by a server that had not heard of it, or whose clock is ahead.
    const renewed = [keys.issue(request, DAY), keys.issue({ ...request, invitedAt: at }, DAY)]
    const invited = keys.issue({ ...request, invitedAt: at + 1 }, DAY)

    for (const text of renewed)
      expect(keys.trust.judge(text, { peerId })).toMatchObject({ reason: 'revoked' })
    expect(keys.trust.judge(invited, { peerId }).kind).toBe('member')
    await keys.readmit('node', NODE)
    for (const text of renewed) expect(keys.trust.judge(text, { peerId }).kind).toBe('member')
  })

  it('of a key ends with its time', async () => {
    const world = new World()
    const keys = await world.keys()
    const { peerId } = await peer()
    await keys.revoke({ kind: 'peer', value: peerId, until: START + 10 })
    expect(keys.trust.revocation('peer', peerId)).toBeDefined()
    world.seconds = START + 11
    await keys.revoke({ kind: 'token', value: 'other' })

    expect(keys.trust.revocation('peer', peerId)).toBeUndefined()
  })

  it('known to two servers that did not know of each other becomes one list', async () => {
    const world = new World()
    const keys = await world.keys()
    const copy = new SharedMemory()
    copy.content = world.stored.content
    const other = await ClusterKeys.loadOrCreate(copy.view(), world.clock)
    await keys.revoke({ kind: 'node', value: 'edge-1' })
    await other.revoke({ kind: 'node', value: 'edge-2' })
    await other.readmit('node', 'edge-2')
    await other.revoke({ kind: 'node', value: 'edge-3' })

    expect(await keys.merge(other.trust.bundle ?? '')).toBe(true)
    expect(await other.merge(keys.trust.bundle ?? '')).toBe(true)
    expect(await keys.merge(other.trust.bundle ?? '')).toBe(false)
    for (const one of [keys, other]) {
      expect(one.trust.revocation('node', 'edge-1')).toBeDefined()
      expect(one.trust.revocation('node', 'edge-3')).toBeDefined()
    }
    expect(other.trust.bundle).toBe(keys.trust.bundle)
  })

  it('that has ended at one of two servers, whose clocks differ, is no reason to go on correcting each other', async () => {
    const world = new World()
    const ahead = await world.keys()
    const other = new World()
    other.stored.content = world.stored.content
    const behind = await other.keys()
    await behind.revoke({ kind: 'peer', value: 'a', until: START + 10 })
    world.seconds = START + 3_600
    await ahead.revoke({ kind: 'node', value: 'edge-2' })

    const turns: boolean[] = []
    for (let turn = 0; turn < 5; turn++) {
      turns.push(await ahead.merge(behind.trust.bundle ?? ''), await behind.merge(ahead.trust.bundle ?? ''))
    }
    expect(turns.slice(-4)).toEqual([false, false, false, false])
    expect(behind.trust.revocation('peer', 'a')).toBeDefined()
  })
})
