import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Lab, type LabHost, roundTrip } from '../src/index.ts'
import { processesIn } from '../src/lab/namespace-processes.ts'
import { runCommand } from '../src/lab/run-command.ts'
import { type Answer, type Asking, ask, startStampingEcho, tcpRoundTrip } from './wan-client.ts'

const ORDERED = { timeout: 20_000 }
/** As many as a statistic needs that never fails by chance: bounds are seven standard deviations wide. */
const MANY = 1_000
const MEGABYTE = 1_000_000

const outward = (answers: readonly Answer[]): number[] => answers.map(({ outMs }) => outMs)
const back = (answers: readonly Answer[]): number[] => answers.map(({ backMs }) => backMs)
const numbers = (answers: readonly Answer[]): number[] => answers.map(({ number }) => number)
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

describe('an emulated wide-area link', ORDERED, () => {
  let lab: Lab
  let cloud: LabHost
  let peer: LabHost
  let hidden: LabHost

  beforeAll(async () => {
    lab = await Lab.create({
      cloud: [{ name: 'cloud' }, { name: 'peer' }],
      sites: [
        {
          name: 'home',
          nat: 'symmetric',
          subnet: '192.168.3.0/24',
          nodes: [{ name: 'hidden', pods: [{ name: 'pod' }] }, { name: 'neighbour' }],
        },
      ],
    })
    cloud = lab.node('cloud')
    peer = lab.node('peer')
    hidden = lab.node('hidden')
    for (const host of [cloud, lab.node('neighbour')]) await startStampingEcho(host)
  })
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]()
  })

  /** Upper bounds of its times are far away below: on a busy machine all programs wait, not only for the network. */
  const answers = (asking: Partial<Asking> = {}, from = peer): Promise<Answer[]> =>
    ask(from, { to: cloud.address, count: 20, ...asking })

  it('delays each direction as long as it is told, until it is over', async () => {
    {
      await using _wan = await lab.emulateWan(peer, { sent: { delayMs: 500 }, received: { delayMs: 100 } })
      const delayed = await answers()
      expect(delayed).toHaveLength(20)
      expect(Math.min(...outward(delayed))).toBeGreaterThanOrEqual(500)
      expect(Math.min(...back(delayed))).toBeGreaterThanOrEqual(100)
      expect(Math.min(...outward(delayed))).toBeLessThan(900)
      expect(Math.min(...back(delayed))).toBeLessThan(500)
    }
    const plain = await answers()
    expect(plain).toHaveLength(20)
    expect(Math.min(...outward(plain))).toBeLessThan(400)
  })

  it('holds for all that goes through a NAT router', async () => {
    await using _wan = await lab.emulateWan(lab.router('home'), roundTrip(800))
    const delayed = await answers({}, hidden)
    expect(delayed).toHaveLength(20)
    expect(Math.min(...outward(delayed))).toBeGreaterThanOrEqual(400)
    expect(Math.min(...back(delayed))).toBeGreaterThanOrEqual(400)
    // Not for what stays in the site.
    const neighbour = await answers({ to: lab.node('neighbour').address }, hidden)
    expect(Math.min(...outward(neighbour))).toBeLessThan(400)
  })

  it('holds for a node of a site, towards its neighbours too, and for a pod', async () => {
    await using _wan = await lab.emulateWan(hidden, roundTrip(80))
    await using _podWan = await lab.emulateWan(lab.pod('pod'), roundTrip(40))
    const neighbour = await answers({ to: lab.node('neighbour').address }, lab.pod('pod'))
    expect(neighbour).toHaveLength(20)
    expect(Math.min(...outward(neighbour))).toBeGreaterThanOrEqual(60)
    expect(Math.min(...back(neighbour))).toBeGreaterThanOrEqual(60)
  })

  it('spreads jitter over the time that it is told, and keeps the order', async () => {
    await using _wan = await lab.emulateWan(peer, { sent: { delayMs: 100, jitterMs: 300 } })
    const spread = await answers({ count: 100, everyMs: 10 })
    const delays = outward(spread).sort((a, b) => a - b)
    expect(numbers(spread)).toEqual(upTo(100))
    expect(delays[0]).toBeGreaterThanOrEqual(100)
    expect((delays.at(-1) ?? 0) - (delays[0] ?? 0)).toBeGreaterThan(30)
    expect(delays[50]).toBeLessThan(800)
  })

  it('keeps the order of a burst and loses nothing of it', async () => {
    await using _wan = await lab.emulateWan(peer, roundTrip(30, { jitterMs: 5 }))
    expect(numbers(await answers({ count: 200 }))).toEqual(upTo(200))
  })

  it.each(['sent', 'received'] as const)(
    'loses about the share of what is %s that it is told',
    async (way) => {
      await using _wan = await lab.emulateWan(peer, { [way]: { lossPercent: 30 } })
      const { length } = await answers({ count: MANY, everyMs: 1 })
      expect(length).toBeGreaterThan(MANY * 0.6)
      expect(length).toBeLessThan(MANY * 0.8)
    },
  )

  it('lets frames overtake when it is asked for, and loses none', async () => {
    await using wan = await lab.emulateWan(peer, { sent: { delayMs: 30, reorderPercent: 20 } })
    const reordered = numbers(await answers({ count: 200, everyMs: 1 }))
    expect(reordered).not.toEqual(upTo(200))
    expect(reordered.sort((a, b) => a - b)).toEqual(upTo(200))
    await wan.set({ sent: { delayMs: 30 } })
    expect(numbers(await answers({ count: 200, everyMs: 1 }))).toEqual(upTo(200))
  })

  it.each(['sent', 'received'] as const)('limits the rate of what is %s within a tenth', async (way) => {
    const bitsPerSecond = 2_000_000
    await using _wan = await lab.emulateWan(peer, { [way]: { bitsPerSecond, queueMs: 5_000 } })
    const limited = await answers({ count: 300, bytes: 1_200 })
    expect(limited).toHaveLength(300)
    const arrivals = limited.map(({ arrivedMs, backMs }) => (way === 'sent' ? arrivedMs - backMs : arrivedMs))
    const seconds = (Math.max(...arrivals) - Math.min(...arrivals)) / 1_000
    // With the headers of UDP, IP and Ethernet; the first is there when the time begins.
    const told = (299 * (1_200 + 42) * 8) / bitsPerSecond
    expect(seconds).toBeGreaterThan(told * 0.9)
    expect(seconds).toBeLessThan(told * 1.1)
  })

  it('queues no longer than it is told: what does not fit is dropped', async () => {
    await using _wan = await lab.emulateWan(peer, { sent: { bitsPerSecond: 1_000_000, queueMs: 300 } })
    const queued = await answers({ count: 300, bytes: 1_200 })
    // 300 ms are 30 frames of that size, and one is on the line; some more where the burst took its time.
    expect(queued.length).toBeGreaterThanOrEqual(30)
    expect(queued.length).toBeLessThan(200)
    expect(Math.max(...outward(queued))).toBeGreaterThan(240)
    expect(outward(queued).sort((a, b) => a - b)[Math.floor(queued.length / 2)]).toBeLessThan(800)
  })

  it('changes while it runs', async () => {
    await using wan = await lab.emulateWan(peer, { sent: { delayMs: 500 } })
    await wan.set({ sent: { delayMs: 5 }, received: { delayMs: 30 } })
    const changed = await answers()
    expect(Math.min(...outward(changed))).toBeLessThan(500)
    expect(Math.min(...back(changed))).toBeGreaterThanOrEqual(30)
    await wan.set({ received: { lossPercent: 100 } })
    expect(await answers()).toEqual([])
    await wan.set({})
    expect(await answers()).toHaveLength(20)
  })

  it('comes and goes without cutting off who talks', async () => {
    const talking = answers({ count: 400, everyMs: 5 }, hidden)
    // Those of one site, too: none of them may lose its router when the port of the other one goes.
    for (const host of [cloud, hidden, lab.node('neighbour'), lab.router('home')]) {
      await using _wan = await lab.emulateWan(host, roundTrip(10))
      expect(await answers({ count: 1 }, hidden), host.name).toHaveLength(1)
    }
    expect((await talking).length).toBeGreaterThan(300)
  })

  it('moves bytes of TCP unharmed through all of it at once', async () => {
    const direction = { delayMs: 5, jitterMs: 2, lossPercent: 0.5, reorderPercent: 0.5, bitsPerSecond: 5e7 }
    await using _wan = await lab.emulateWan(lab.router('home'), { sent: direction, received: direction })
    const { sent, received } = await tcpRoundTrip(hidden, cloud, 10 * MEGABYTE)
    expect(sent).toMatch(/^[0-9a-f]{64}$/)
    expect(received).toBe(sent)
  })

  it('leaves a link cut that was cut before, and is cut like any other', async () => {
    await lab.setLink(peer, 'down')
    {
      await using _wan = await lab.emulateWan(peer, {})
      expect(await answers()).toEqual([])
      await lab.setLink(peer, 'up')
      expect(await answers()).toHaveLength(20)
      await lab.setLink(peer, 'down')
      expect(await answers()).toEqual([])
    }
    expect(await answers()).toEqual([])
    await lab.setLink(peer, 'up')
    expect(await answers()).toHaveLength(20)
  })

  it('is refused when it is there already, or can not be', async () => {
    await using _wan = await lab.emulateWan(peer, {})
    await expect(lab.emulateWan(peer, {})).rejects.toThrow()
    await expect(lab.emulateWan(cloud, { sent: { lossPercent: 200 } })).rejects.toThrow('sent.lossPercent')
    expect(await answers()).toHaveLength(20)
  })

  it('leaves nothing behind', async () => {
    await (await lab.emulateWan(peer, roundTrip(10)))[Symbol.asyncDispose]()
    const inBridgeNamespace = ['ip', 'netns', 'exec', peer.plan.uplink?.bridgeNamespace ?? '']
    for (const tool of ['ip -br link', 'nft list tables']) {
      const { stdout } = await runCommand([...inBridgeNamespace, ...tool.split(' ')])
      expect(stdout).not.toMatch(/\bem\d/)
    }
  })

  it('flaps by the clock until it is over', async () => {
    {
      await using _flapping = lab.flapLink(peer, { upMs: 200, downMs: 200 })
      const { length } = await answers({ count: 400, everyMs: 5 })
      expect(length).toBeGreaterThan(80)
      expect(length).toBeLessThan(320)
    }
    expect(await answers()).toHaveLength(20)
  })
})

it('ends with its lab', async () => {
  const lab = await Lab.create({ cloud: [{ name: 'only' }] })
  const wan = await lab.emulateWan(lab.node('only'), roundTrip(10))
  await lab[Symbol.asyncDispose]()
  await wan[Symbol.asyncDispose]()
  expect(processesIn({ namespaces: [], lab: lab.id })).toEqual([])
})
