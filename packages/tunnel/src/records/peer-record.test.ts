import { describe, expect, it } from 'vitest'
import { certificate, peer, World } from '../../test/identity-world.ts'
import { UNKNOWN_NAT } from '../nat-type.ts'
import { isNewer, readPeerRecord, signPeerRecord } from './peer-record.ts'

describe('a peer record', () => {
  const FIELDS = {
    epoch: 5,
    seq: 1,
    instance: 'a',
    lan: ['/ip4/192.168.1.10/tcp/20008'],
    direct: [],
    egress: ['45.80.0.101'],
    relays: [],
    nat: UNKNOWN_NAT,
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
