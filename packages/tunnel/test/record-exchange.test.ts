import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  answerRecords,
  exchangeRecords,
  RECORD_STREAMS,
  type RecordExchangeDeps,
} from '../src/node/neighbours/record-exchange.ts'
import { encodeRecordMessage, RECORDS_PROTOCOL } from '../src/protocol/records.ts'
import { PeerBook } from '../src/records/peer-book.ts'
import { type DhtAgent, DhtMesh } from './dht-mesh.ts'

const soon = (): AbortSignal => AbortSignal.timeout(20_000)

/** An agent that answers those that ask for its record, and what came of the last one. */
class Teller {
  readonly agent: DhtAgent
  readonly deps: RecordExchangeDeps
  served: Promise<string> = Promise.resolve('nobody')

  private constructor(agent: DhtAgent, mesh: DhtMesh) {
    const { trust } = agent
    this.agent = agent
    this.deps = {
      book: new PeerBook(({ wire, peerId }) => trust.judge(wire.certificate, { peerId, role: 'agent' })),
      trust: () => trust,
      own: () => agent.record,
      memberOf: async ({ remotePeer }) => {
        const peerId = remotePeer.toString()
        const verdict = trust.judge(mesh.certificates.get(peerId), { peerId, role: 'agent' })
        return verdict.kind === 'member' ? verdict.membership : undefined
      },
    }
  }

  static async start(name: string, mesh: DhtMesh): Promise<Teller> {
    const teller = new Teller(await mesh.agent(name), mesh)
    await teller.agent.host.node.handle(
      RECORDS_PROTOCOL,
      (stream, connection) => {
        teller.served = answerRecords(stream, connection, { deps: teller.deps, signal: soon() }).then(
          () => 'told',
          (error: Error) => error.message,
        )
      },
      RECORD_STREAMS,
    )
    return teller
  }

  dial({ agent }: Teller): Promise<Connection> {
    const { direct, peerId } = agent.record
    return this.agent.host.dial(multiaddr(`${direct[0]}/p2p/${peerId}`), soon())
  }

  async ask(other: Teller): Promise<boolean> {
    return await exchangeRecords(await this.dial(other), this.deps, soon())
  }

  seqOf({ agent }: Teller): number | undefined {
    return this.deps.book.byPeerId(agent.record.peerId)?.seq
  }
}

let mesh: DhtMesh
beforeEach(async () => {
  mesh = await DhtMesh.create()
})
afterEach(async () => await mesh[Symbol.asyncDispose]())

async function two(): Promise<[Teller, Teller]> {
  return [await Teller.start('edge-1', mesh), await Teller.start('edge-2', mesh)]
}

describe('two nodes that met', () => {
  it('know each other’s newest record afterwards', async () => {
    const [one, other] = await two()
    expect(await one.ask(other)).toBe(true)
    expect([one.seqOf(other), other.seqOf(one)]).toEqual([1, 1])

    one.agent.say({ lan: ['/ip4/192.168.1.31/tcp/20008'] })
    expect(await other.ask(one)).toBe(true)
    expect([one.seqOf(other), other.seqOf(one)]).toEqual([1, 2])
  })

  it('tell a stranger nothing, and ask none', async () => {
    const [one, other] = await two()
    mesh.certificates.delete(one.agent.record.peerId)
    await expect(one.ask(other)).rejects.toThrow()
    expect(await other.served).toBe('the peer is no member')
    expect(await other.ask(one)).toBe(false)
    expect([one.seqOf(other), other.seqOf(one)]).toEqual([undefined, undefined])
  })

  it.each([
    ['the record of another node', (_one: Teller, third: DhtAgent) => encodeRecordMessage(third.record.wire)],
    [
      'a record that it did not sign',
      (one: Teller, third: DhtAgent) =>
        encodeRecordMessage({ ...one.agent.record.wire, record: third.record.wire.record }),
    ],
    ['what is no record', () => Buffer.from([0, 0, 0, 2, 0x7b, 0x7d])],
    ['more than a record has', () => Buffer.from([0xff, 0xff, 0xff, 0xff])],
  ])('do not take %s', async (_what, bytesOf) => {
    const [one, other] = await two()
    const third = await mesh.agent('edge-3')
    const stream = await (await one.dial(other)).newStream(RECORDS_PROTOCOL)
    const closed = new Promise((resolve) => stream.addEventListener('close', resolve))
    stream.send(bytesOf(one, third))
    await closed

    expect(await other.served).not.toBe('told')
    expect([other.seqOf(one), other.deps.book.size]).toEqual([undefined, 0])
  })
})
