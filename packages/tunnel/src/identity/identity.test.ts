import type { NodeName } from '@edgeway/core'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { describe, expect, it } from 'vitest'
import { StoredValueConflictError } from '../errors.ts'
import { isNewer, readPeerRecord, signPeerRecord } from '../records/peer-record.ts'
import type { StoredValue } from '../state/stored-value.ts'
import { FlooredClock } from './clock.ts'
import { ClusterKeys } from './cluster-keys.ts'
import { parseJoinToken, parseJoinTokens } from './join-token.ts'
import { CLOCK_SKEW_SECONDS } from './membership.ts'
import { readDocument, signDocument, signerOf } from './signed-document.ts'
import { Trust } from './trust.ts'

const NODE = 'edge-1' as NodeName
const START = 1_700_000_000
const DAY = 86_400

/** Refuses a write by who has not read what is stored, as Secrets do. */
class SharedMemory {
  content: Buffer | undefined
  isFull = false

  view(): StoredValue {
    let known: Buffer | undefined
    return {
      place: 'memory',
      read: async () => {
        known = this.content
        return known
      },
      write: async (content) => {
        if (this.isFull) throw new Error('no space left')
        if (this.content !== known) throw new StoredValueConflictError('written meanwhile')
        this.content = Buffer.from(content)
        known = this.content
      },
      exposure: async () => undefined,
    }
  }
}

class World {
  readonly stored = new SharedMemory()
  seconds = START
  readonly clock = new FlooredClock(() => this.seconds * 1_000)

  keys(): Promise<ClusterKeys> {
    return ClusterKeys.loadOrCreate(this.stored.view(), this.clock)
  }

  /** As a node with a join token of that cluster begins. */
  trustOf(keys: ClusterKeys): Trust {
    const { cluster, root } = keys.createToken({ uses: 'multi' })
    return new Trust({ cluster, roots: [root] }, this.clock)
  }
}

async function peer() {
  const key = await generateKeyPair('Ed25519')
  return { peerId: key.publicKey.toString(), signer: signerOf(key) }
}

function certificate(keys: ClusterKeys, peerId: string, validSeconds = 30 * DAY): string {
  return keys.issue({ node: NODE, peerId, role: 'agent', labels: {} }, validSeconds)
}

describe('a signed document', () => {
  it('holds for its kind, its signer and its bytes only', async () => {
    const [one, two] = [await peer(), await peer()]
    const text = signDocument('token', { a: 1 }, one.signer)
    const [body = '', signature = ''] = text.split('.')
    const forged = `${Buffer.from('{"a":2}').toString('base64url')}.${signature}`

    expect(readDocument('token', text).isSignedBy(one.signer.publicKey)).toBe(true)
    expect(readDocument('token', text).isSignedBy(two.signer.publicKey)).toBe(false)
    expect(readDocument('record', text).isSignedBy(one.signer.publicKey)).toBe(false)
    expect(readDocument('token', forged).isSignedBy(one.signer.publicKey)).toBe(false)
    for (const broken of ['', body, `${body}.`, `${text}A`, `!${text}`, `${body}.${signature.slice(1)}`])
      expect(() => readDocument('token', broken), broken).toThrow(/no signed token/)
  })
})

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

  it('of a node holds for what was issued before it, and can be taken back', async () => {
    const world = new World()
    const keys = await world.keys()
    const { peerId } = await peer()
    const before = certificate(keys, peerId)
    await keys.revoke({ kind: 'node', value: NODE })
    world.seconds += 1
    const after = certificate(keys, peerId)

    expect(keys.trust.judge(before, { peerId })).toMatchObject({ reason: 'revoked' })
    expect(keys.trust.judge(after, { peerId }).kind).toBe('member')
    await keys.readmit('node', NODE)
    expect(keys.trust.judge(before, { peerId }).kind).toBe('member')
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
})

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

describe('a join token', () => {
  it('says what it is for, and cannot be changed', async () => {
    const world = new World()
    const keys = await world.keys()
    const token = keys.createToken({ node: NODE, uses: 'single', validSeconds: DAY })
    const [body = '', signature = ''] = token.text.slice('edgeway2.'.length).split('.')
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
    const changed = Buffer.from(JSON.stringify({ ...claims, node: 'edge-2' })).toString('base64url')

    expect(parseJoinToken(token.text)).toEqual(token)
    expect(token).toMatchObject({ node: NODE, uses: 'single', notAfter: START + DAY, cluster: keys.cluster })
    expect(() => parseJoinToken(`edgeway2.${changed}.${signature}`)).toThrow(/it was changed/)
    expect(() => parseJoinToken('edgeway1.x.y')).toThrow(/older version/)
    expect(() => parseJoinToken(token.text.slice(0, -5))).toThrow(/cut off/)
    expect(() => parseJoinTokens('# nothing\n', 'the file')).toThrow(/the file is empty/)
    expect(() => keys.createToken({ uses: 'single' })).toThrow(RangeError)
  })

  it('for a single use is used by one key, which may come again', async () => {
    const world = new World()
    const [one, two] = [await world.keys(), await world.keys()]
    const token = one.createToken({ uses: 'single', validSeconds: DAY })
    const results = await Promise.all([one.spend(token, 'peer-1'), two.spend(token, 'peer-2')])

    expect(results.toSorted()).toEqual(['spent', 'taken'])
    const winner = results[0] === 'spent' ? 'peer-1' : 'peer-2'
    expect(await (await world.keys()).spend(token, winner)).toBe('spent')
  })

  it('is not used up where that can not be stored', async () => {
    const world = new World()
    const keys = await world.keys()
    const token = keys.createToken({ uses: 'single', validSeconds: DAY })
    world.stored.isFull = true
    await expect(keys.spend(token, 'peer-1')).rejects.toThrow('no space left')
    world.stored.isFull = false

    expect(await keys.spend(token, 'peer-2')).toBe('spent')
  })
})

describe('a peer record', () => {
  const FIELDS = {
    epoch: 5,
    seq: 1,
    instance: 'a',
    lan: ['/ip4/192.168.1.10/tcp/20008'],
    direct: [],
    egress: ['45.80.0.101'],
    relays: [],
  }

  it('is believed for the certificate and the key that signed it', async () => {
    const world = new World()
    const keys = await world.keys()
    const { peerId, signer } = await peer()
    const record = signPeerRecord(FIELDS, { certificate: certificate(keys, peerId), signer })

    expect(readPeerRecord(record.wire, keys.trust)).toEqual({ kind: 'record', record })
  })

  it('is refused when it was changed, or is of another key', async () => {
    const world = new World()
    const keys = await world.keys()
    const [one, two] = [await peer(), await peer()]
    const good = signPeerRecord(FIELDS, { certificate: certificate(keys, one.peerId), signer: one.signer })
    const other = signPeerRecord(FIELDS, { certificate: certificate(keys, two.peerId), signer: two.signer })
    const [, signature = ''] = good.wire.record.split('.')
    const body = Buffer.from(JSON.stringify({ v: 1, peerId: one.peerId, ...FIELDS, seq: 9 }))
    const forged = `${body.toString('base64url')}.${signature}`
    const stolen = signPeerRecord(FIELDS, { certificate: good.wire.certificate, signer: two.signer })

    for (const record of [forged, other.wire.record, stolen.wire.record, 'nonsense'])
      expect(readPeerRecord({ ...good.wire, record }, keys.trust)).toMatchObject({ reason: 'bad-record' })
    await keys.revoke({ kind: 'peer', value: one.peerId })
    expect(readPeerRecord(good.wire, keys.trust)).toMatchObject({ reason: 'revoked' })
  })

  it('is followed by those of later epochs', () => {
    expect(isNewer({ epoch: 2, seq: 0 }, { epoch: 1, seq: 9 })).toBe(true)
    expect(isNewer({ epoch: 1, seq: 1 }, { epoch: 1, seq: 1 })).toBe(false)
    expect(isNewer({ epoch: 1, seq: 2 }, { epoch: 1, seq: 1 })).toBe(true)
  })
})
