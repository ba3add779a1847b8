import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Lab } from '../src/lab/lab.ts'
import { canMeet, NAT_BEHAVIORS, type NatKind } from '../src/lab/nat-kinds.ts'
import type { MeetingPart, Socket } from './nat/probe-commands.ts'
import { NatProbe } from './nat/start-probe.ts'

type Kind = Exclude<NatKind, 'none'>

const KINDS = Object.keys(NAT_BEHAVIORS) as Kind[]
const PORTS = [7_001, 7_002] as const
const LAN = '192.168.1.0/24'

/** What is expected of each kind: of a public port, and of a SYN to it from where nobody sent to. */
const EXPECTED: Record<Kind, { port: string; sameHost: string; otherHost: string; hairpin: string }> = {
  'endpoint-independent': { port: 'kept', sameHost: 'silent', otherHost: 'silent', hairpin: 'ECONNREFUSED' },
  rejecting: { port: 'kept', sameHost: 'ECONNREFUSED', otherHost: 'ECONNREFUSED', hairpin: 'ECONNREFUSED' },
  'port-changing': { port: 'changed', sameHost: 'silent', otherHost: 'silent', hairpin: 'ECONNREFUSED' },
  'address-restricted': { port: 'kept', sameHost: 'open', otherHost: 'silent', hairpin: 'ECONNREFUSED' },
  'full-cone': { port: 'kept', sameHost: 'open', otherHost: 'open', hairpin: 'ECONNREFUSED' },
  hairpinning: { port: 'kept', sameHost: 'silent', otherHost: 'silent', hairpin: 'open' },
  symmetric: { port: 'each another', sameHost: 'silent', otherHost: 'silent', hairpin: 'ECONNREFUSED' },
}

/**
 * What two sites do to meet, each at the port that the other one was told of; `undefined` where it can't be: nobody knows
 * the next port of a symmetric NAT, so the other one must let any port in.
 */
function meetingOf(a: Kind, b: Kind): readonly [MeetingPart, MeetingPart] | undefined {
  if (letsOtherPortsIn(a)) return ['await', 'dial']
  if (letsOtherPortsIn(b)) return ['dial', 'await']
  return a === 'symmetric' || b === 'symmetric' ? undefined : ['dial', 'dial']
}

function letsOtherPortsIn(kind: Kind): boolean {
  return kind === 'address-restricted' || kind === 'full-cone'
}

/** Two that refuse what comes too early meet by luck alone while packets take no time: their SYNs must cross. */
const PAIRS = KINDS.flatMap((a, index) => KINDS.slice(index).map((b) => [a, b] as const)).filter(
  (pair) => pair.join() !== 'rejecting,rejecting',
)

describe('the NATs of a lab', () => {
  let lab: Lab
  let probes: Record<'cloud1' | 'cloud2' | 'left' | 'other' | 'right' | 'far' | 'near', NatProbe>
  let reflectors: Socket[]

  beforeAll(async () => {
    const node = (name: string) => ({ name })
    lab = await Lab.create({
      cloud: [node('cloud1'), node('cloud2')],
      sites: [
        { name: 'left', nat: 'endpoint-independent', subnet: LAN, nodes: [node('left'), node('other')] },
        { name: 'right', nat: 'endpoint-independent', subnet: LAN, nodes: [node('right')] },
        { name: 'carrier', nat: 'endpoint-independent', subnet: '100.64.0.0/24', nodes: [] },
        { name: 'far', nat: 'endpoint-independent', subnet: LAN, behind: 'carrier', nodes: [node('far')] },
        { name: 'near', nat: 'endpoint-independent', subnet: LAN, behind: 'carrier', nodes: [node('near')] },
      ],
    })
    const [cloud1, cloud2, left, other, right, far, near] = await Promise.all(
      ['cloud1', 'cloud2', 'left', 'other', 'right', 'far', 'near'].map((name) =>
        NatProbe.start(lab.node(name)),
      ),
    )
    if (!cloud1 || !cloud2 || !left || !other || !right || !far || !near) throw new Error('all are started')
    probes = { cloud1, cloud2, left, other, right, far, near }
    await Promise.all([cloud1.serve(...PORTS), cloud2.serve(...PORTS)])
    reflectors = [cloud1, cloud2].flatMap(({ host }) => PORTS.map((port) => ({ host: host.address, port })))
  })
  afterAll(() => lab?.[Symbol.asyncDispose]())
  afterEach(() => Promise.all(Object.values(probes).map((probe) => probe.release())))

  /** A mapping that nobody but one reflector was told of, with a listener behind it. */
  async function mapAndListen(): Promise<Socket> {
    const { localPort, seen } = await probes.left.reflect(reflectors.slice(0, 1))
    await probes.left.listen(localPort)
    return only(seen)
  }

  describe.each(KINDS)('%s', (kind) => {
    const { port, sameHost, otherHost, hairpin } = EXPECTED[kind]
    beforeAll(() => lab.setNat('left', kind))

    it(`has its port ${port}, for two addresses and two ports of reflectors`, async () => {
      const { localPort, seen } = await probes.left.reflect(reflectors)
      expect(new Set(seen.map(({ host }) => host))).toEqual(new Set([lab.router('left').address]))
      expect(portsOf(localPort, seen)).toBe(port)
    })

    it('does the same for UDP', async () => {
      const { localPort, seen } = await probes.left.reflectUdp(reflectors)
      expect(portsOf(localPort, seen)).toBe(port)
    })

    it('gives a local port the mapping it has, after others', async () => {
      const first = await probes.left.reflect(reflectors.slice(0, 1))
      await probes.left.reflect(reflectors)
      const again = await probes.left.reflect(reflectors.slice(1), first.localPort)
      expect(new Set([...first.seen, ...again.seen].map((seen) => seen.port)).size > 1).toBe(
        port === 'each another',
      )
    })

    it(`is ${sameHost} for another port of a host that was called, ${otherHost} for another host`, async () => {
      const mapped = await mapAndListen()
      const [same, other] = await Promise.all([
        probes.cloud1.knock(mapped, sameHost),
        probes.cloud2.knock(mapped, otherHost),
      ])
      expect([same.kind, other.kind]).toEqual([sameHost, otherHost])
    })

    it(`is ${NAT_BEHAVIORS[kind].unsolicited === 'drop' ? 'silent' : 'refusing'} at a port that is not mapped`, async () => {
      const at = { host: lab.router('left').address, port: 9 }
      const expected = NAT_BEHAVIORS[kind].unsolicited === 'drop' ? 'silent' : 'ECONNREFUSED'
      expect((await probes.cloud1.knock(at, expected)).kind).toBe(expected)
    })

    it(`answers a neighbour that calls the public address: ${hairpin}`, async () => {
      const mapped = await mapAndListen()
      const { kind: result, seenAs } = await probes.other.knock(mapped, hairpin)
      expect(result).toBe(hairpin)
      if (result === 'open') expect(seenAs?.host).toBe(lab.router('left').address)
    })
  })

  it('have a double one, seen as the outer one, whose mapping is as random as the worse of both', async () => {
    const outside = lab.router('carrier').address
    const one = await probes.far.reflect(reflectors)
    expect(one.seen.map(({ host }) => host)).toEqual(Array(reflectors.length).fill(outside))
    expect(portsOf(one.localPort, one.seen)).toBe('kept')
    for (const site of ['far', 'carrier']) {
      await lab.setNat(site, 'symmetric')
      const { localPort, seen } = await probes.far.reflect(reflectors)
      expect(portsOf(localPort, seen)).toBe('each another')
      await lab.setNat(site, 'endpoint-independent')
    }
  })

  it.each(PAIRS)('let %s and %s meet if they can', async (a, b) => {
    await Promise.all([lab.setNat('left', a), lab.setNat('right', b)])
    const met = await meet(probes.left, probes.right, meetingOf(a, b))
    expect(met).toEqual(
      canMeet(NAT_BEHAVIORS[a], NAT_BEHAVIORS[b]) ? ['right', 'left'] : [undefined, undefined],
    )
  })

  it('let a site behind two of them meet another one', async () => {
    await Promise.all([lab.setNat('left', 'port-changing'), lab.setNat('carrier', 'port-changing')])
    expect(await meet(probes.left, probes.far, ['dial', 'dial'])).toEqual(['far', 'left'])
  })

  it('let two sites behind one carrier meet if its NAT does hairpinning', async () => {
    for (const [carrier, met] of [
      ['hairpinning', ['near', 'far']],
      ['endpoint-independent', [undefined, undefined]],
    ] as const) {
      await lab.setNat('carrier', carrier)
      const meeting = carrier === 'hairpinning' ? (['dial', 'dial'] as const) : undefined
      expect(await meet(probes.far, probes.near, meeting)).toEqual(met)
    }
  })

  it('can not become routers without NAT', async () => {
    await expect(lab.setNat('left', 'none')).rejects.toThrow('plain routing')
  })

  /** @returns whom each of them met */
  async function meet(
    a: NatProbe,
    b: NatProbe,
    meeting: readonly [MeetingPart, MeetingPart] | undefined,
  ): Promise<(string | undefined)[]> {
    const [own, peer] = await Promise.all([a, b].map((probe) => probe.reflect(reflectors.slice(0, 1))))
    if (own === undefined || peer === undefined) throw new Error('both have reflected')
    const [ownPart, peerPart] = meeting ?? ['dial', 'dial']
    const isPossible = meeting !== undefined
    const results = await Promise.all([
      a.meet(ownPart, { localPort: own.localPort, at: only(peer.seen) }, isPossible),
      b.meet(peerPart, { localPort: peer.localPort, at: only(own.seen) }, isPossible),
    ])
    return results.map(({ peer: name }) => name)
  }
})

function portsOf(localPort: number, seen: readonly Socket[]): string {
  const ports = new Set(seen.map(({ port }) => port))
  if (ports.size > 1) return 'each another'
  return ports.has(localPort) ? 'kept' : 'changed'
}

function only(sockets: readonly Socket[]): Socket {
  const [socket] = sockets
  if (socket === undefined) throw new Error('nobody was asked')
  return socket
}
