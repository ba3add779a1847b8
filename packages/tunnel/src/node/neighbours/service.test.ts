import { describe, expect, it } from 'vitest'
import type { ClusterId } from '../../identity/membership.ts'
import { decodeMessage, encodeMessage, type MdnsMessage, type OwnAnswer } from './message.ts'
import { additionalsOf, replyTo } from './responder.ts'
import {
  ALL_RECORDS,
  announcementIn,
  encodeQuestion,
  encodeResponse,
  MAX_TTL_SECONDS,
  type OwnService,
} from './service.ts'

const PEER = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'
const OTHER = '12D3KooWLRPJAA5o6uR8vPZLsUuLLVTaVmfjQw2yVkqT6vY7fcs6'
const OWN: OwnService = {
  peerId: PEER,
  cluster: '0123456789abcdef' as ClusterId,
  port: 20_008,
  address: '192.168.1.11',
}
const INSTANCE = `${PEER}._edgeway._tcp.local`

function read(bytes: Buffer): MdnsMessage {
  const message = decodeMessage(bytes)
  if (message === undefined) throw new Error('not a message')
  return message
}

function response(...answers: OwnAnswer[]): MdnsMessage {
  return read(encodeMessage({ type: 'response', answers }))
}

const srv = (name: string): OwnAnswer => ({ name, type: 'SRV', ttl: 120, data: { port: 1, target: 'x' } })
const txt = (name: string, ...data: string[]): OwnAnswer => ({ name, type: 'TXT', ttl: 100_000, data })

describe('an announcement', () => {
  const announce = (kind: 'multicast' | 'goodbye') =>
    announcementIn(read(encodeResponse(OWN, { answers: ALL_RECORDS }, { kind })))

  it('tells peer, cluster and port, and for how long', () => {
    const { peerId, cluster, port } = OWN
    expect(announce('multicast')).toEqual({ peerId, cluster, port, ttlSeconds: MAX_TTL_SECONDS })
    expect(announce('goodbye')).toEqual({ peerId, cluster, port, ttlSeconds: 0 })
  })

  it('fits a packet three times', () => {
    const bytes = encodeResponse(OWN, { answers: ALL_RECORDS }, { kind: 'multicast' })
    expect(bytes.length).toBeLessThan(500)
  })

  it('is not believed for longer than such records are good', () => {
    const told = announcementIn(response(srv(INSTANCE), txt(INSTANCE, 'v=1', 'cluster=c')))
    expect(told).toMatchObject({ ttlSeconds: MAX_TTL_SECONDS })
  })

  it.each([
    ['without its SRV record', [txt(INSTANCE, 'v=1', 'cluster=c')]],
    ['without its TXT record', [srv(INSTANCE)]],
    ['of another version', [srv(INSTANCE), txt(INSTANCE, 'v=2', 'cluster=c')]],
    ['without a cluster', [srv(INSTANCE), txt(INSTANCE, 'v=1')]],
    ['of a name that is no PeerId', [srv('x._edgeway._tcp.local'), txt('x._edgeway._tcp.local', 'v=1')]],
    [
      'of two peers, as one can only tell of itself',
      [srv(INSTANCE), txt(`${OTHER}._edgeway._tcp.local`, 'v=1', 'cluster=c')],
    ],
  ])('%s is malformed', (_what, records) => {
    expect(announcementIn(response(...records))).toBe('malformed')
  })

  it('is not looked for in what tells of other services', () => {
    expect(announcementIn(response(srv('printer._ipp._tcp.local')))).toBe('none')
  })
})

describe('the answer to a query', () => {
  const ask = (name: string, type: 'PTR' | 'SRV' | 'A' | 'AAAA' | 'ANY', known: readonly OwnAnswer[] = []) =>
    replyTo(read(encodeMessage({ type: 'query', questions: [{ name, type }], answers: known })), PEER)
  const pointer = (ttl: number): OwnAnswer => ({
    name: '_edgeway._tcp.local',
    type: 'PTR',
    ttl,
    data: INSTANCE,
  })

  it('tells who is here a while later, as others do, and all else along with it', () => {
    const reply = ask('_EDGEWAY._tcp.local', 'PTR')
    expect(reply).toMatchObject({ answers: new Set(['pointer']), isDelayed: true })
    expect(additionalsOf(new Set(['pointer']))).toEqual(['service', 'text', 'host'])
  })

  it('is not given to who knows it, unless that is old', () => {
    expect(ask('_edgeway._tcp.local', 'PTR', [pointer(4_500)])).toBeUndefined()
    expect(ask('_edgeway._tcp.local', 'PTR', [pointer(2_000)])).toBeDefined()
  })

  it('is at once what only this node can tell, and that it has no other records', () => {
    expect(ask(INSTANCE, 'SRV')).toMatchObject({ answers: new Set(['service']), isDelayed: false })
    expect(ask(INSTANCE, 'ANY')).toMatchObject({ answers: new Set(['service', 'text']) })
    expect(ask(`${PEER}.local`, 'AAAA')).toMatchObject({ answers: new Set(['no-host']) })
    expect(ask(INSTANCE, 'A')).toMatchObject({ answers: new Set(['no-service']) })
  })

  it('is none where other names are asked for', () => {
    expect(ask('_ipp._tcp.local', 'PTR')).toBeUndefined()
    expect(ask(`${OTHER}._edgeway._tcp.local`, 'SRV')).toBeUndefined()
  })

  it('is given to our own questions', () => {
    expect(replyTo(read(encodeQuestion([])), PEER)?.answers).toEqual(new Set(['pointer']))
    expect(replyTo(read(encodeQuestion([OTHER, PEER])), PEER)?.answers).toEqual(new Set(['service']))
  })
})
