import { setTimeout as sleep } from 'node:timers/promises'
import { Lab, type LabHost, type LabProcess, roundTrip } from '@edgeway/testbed'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { monotonicMs, type PathCall, type PathNodeConfig } from './path-node.ts'

const PROGRAM = new URL('./path-node.ts', import.meta.url).pathname

/** Two relays and a node on the public segment, a site with two nodes behind a NAT, and another one with the same subnet. */
const TOPOLOGY = {
  cloud: [{ name: 'relay-1' }, { name: 'relay-2' }, { name: 'cloud-1' }],
  sites: [
    {
      name: 'a',
      nat: 'endpoint-independent',
      subnet: '192.168.1.0/24',
      nodes: [
        { name: 'edge-1', address: '192.168.1.11' },
        { name: 'edge-2', address: '192.168.1.12' },
      ],
    },
    {
      name: 'b',
      nat: 'endpoint-independent',
      subnet: '192.168.1.0/24',
      nodes: [{ name: 'edge-3', address: '192.168.1.12' }],
    },
  ],
} as const

const ONE_CALL = { everyMs: 3_600_000 }

let lab: Lab
afterEach(async () => lab?.[Symbol.asyncDispose]())

async function run(host: LabHost, config: Partial<PathNodeConfig> = {}): Promise<LabProcess> {
  const started = host.spawn([process.execPath, PROGRAM, JSON.stringify({ name: host.name, ...config })])
  await started.waitForOutput(/"ready"/)
  return started
}

/** The relays, and an agent that is joined to both, for each node that is named. */
async function start(
  nodes: readonly string[],
  config: Partial<PathNodeConfig> = {},
): Promise<{ relays: Record<string, string>; agents: LabProcess[] }> {
  lab = await Lab.create(TOPOLOGY)
  const names = ['relay-1', 'relay-2']
  await Promise.all(names.map((name) => run(lab.node(name))))
  const relays = Object.fromEntries(names.map((name) => [name, lab.node(name).address]))
  const agents = await Promise.all(nodes.map((name) => run(lab.node(name), { relays, ...config })))
  return { relays, agents }
}

async function callsOf(caller: LabProcess): Promise<PathCall[]> {
  const lines = (await caller.output()).split('\n').slice(0, -1)
  return lines.filter((line) => line.includes('"path"')).map((line) => JSON.parse(line))
}

/** Rules of a router that let nothing through to that address or from it, and tell nobody. */
function silenceOf(address: string): string {
  return `table ip silence {
    chain forward {
      type filter hook forward priority -10;
      ip daddr ${address} drop
      ip saddr ${address} drop
    }
  }`
}

/** Lets through of what that address sends only what acknowledges segments, which has 80 bytes at most. */
function acknowledgementsOnlyFrom(address: string): string {
  return `table ip poor {
    chain forward {
      type filter hook forward priority -10;
      ip saddr ${address} ip length > 80 drop
    }
  }`
}

/** Waits for a call that is as described. */
async function callThat(caller: LabProcess, is: (call: PathCall) => boolean): Promise<PathCall> {
  return await vi.waitFor(
    async () => {
      const found = (await callsOf(caller)).find(is)
      if (found === undefined) throw new Error('no such call yet')
      return found
    },
    { timeout: 40_000, interval: 50 },
  )
}

/** Of a call that was answered, in ms of the monotonic clock. */
const answeredAt = ({ at, firstByteMs }: PathCall): number => at + firstByteMs

const isDone = ({ path }: PathCall): boolean => !path.startsWith('failed')

describe('calls between two sites with two relays', () => {
  it('go through the other relay soon after the one in use went silent', async () => {
    const { relays } = await start(['edge-3'])
    const calls = [{ name: 'edge-3', relays: Object.keys(relays) }]
    const caller = await run(lab.node('edge-1'), { relays, calls })
    await callThat(caller, isDone)
    await lab.setLink(lab.node('relay-1'), 'down')
    const cutAt = monotonicMs()

    const first = await callThat(caller, (call) => isDone(call) && answeredAt(call) > cutAt + 300)
    // 0.7 s on an idle machine.
    expect(answeredAt(first) - cutAt).toBeLessThan(3_500)
  })

  it('go through the other relay also when it went silent after they were taken and before they were answered', async () => {
    const { relays, agents } = await start(['edge-3'], { answerAfterMs: 5_000 })
    const calls = [{ name: 'edge-3', relays: Object.keys(relays) }]
    const caller = await run(lab.node('edge-1'), { relays, calls, ...ONE_CALL })
    await agents[0]?.waitForOutput(/"taken"/)
    await lab.setLink(lab.node('relay-1'), 'down')

    const { path } = await callThat(caller, () => true)
    expect(path).toBe('relayed')
  })

  it('go on after seconds in which only acknowledgements came from the relay', async () => {
    const { relays } = await start(['edge-3'], { echoAfterMs: 2_000 })
    const calls = [{ name: 'edge-3', relays: Object.keys(relays) }]
    const caller = await run(lab.node('edge-1'), { relays, calls, ...ONE_CALL })
    await caller.waitForOutput(/"opened"/)
    const router = lab.router('a')
    const input = Object.values(relays).map(acknowledgementsOnlyFrom).join('\n')
    await router.exec(['nft', '-f', '-'], { input })
    // After 3.3 s without a sign of life a connection is dead that something is waited for on.
    await sleep(5_500)
    await router.exec(['nft', 'delete table ip poor'])

    const { path } = await callThat(caller, () => true)
    expect(path).toBe('relayed')
  })

  it('never reach the stranger that has the address of the peer', async () => {
    const { relays } = await start(['edge-2', 'edge-3'])
    const calls = [{ name: 'edge-3', lan: ['192.168.1.12'], relays: Object.keys(relays) }]
    const caller = await run(lab.node('edge-1'), { relays, calls })

    const { strangers } = await callThat(caller, (call) => isDone(call) && call.strangers > 0)
    expect(strangers).toBe(1)
    const soonAfter = monotonicMs()
    const later = await callThat(caller, (call) => isDone(call) && call.at > soonAfter + 3_000)
    expect([later.path, later.strangers]).toEqual(['relayed', 1])
  })
})

describe('calls on a direct path that dies without a word', () => {
  it.each([0, 50])('go on through a relay, at a round trip of %i ms', async (roundTripMs) => {
    const { relays } = await start(['cloud-1'])
    const site = lab.router('a')
    await using _ = roundTripMs > 0 ? await lab.emulateWan(site, roundTrip(roundTripMs)) : undefined
    const direct = [lab.node('cloud-1').address]
    const calls = [{ name: 'cloud-1', direct, relays: Object.keys(relays) }]
    const caller = await run(lab.node('edge-1'), { relays, calls })
    const { at } = await callThat(caller, ({ path }) => path === 'direct')
    // What was opened beside it at first is gone by then, or is not used.
    await callThat(caller, (call) => call.path === 'direct' && call.at > at + 2_000)
    const cutAt = monotonicMs()
    await site.exec(['nft', '-f', '-'], { input: silenceOf(lab.node('cloud-1').address) })

    const next = await callThat(caller, ({ path, at }) => path === 'relayed' && at > cutAt - 1_000)
    const silentMs = Math.round(answeredAt(next) - cutAt)
    process.stdout.write(`    first answer after a direct path died, at ${roundTripMs} ms: ${silentMs} ms\n`)
    // 2 s on an idle machine.
    expect(silentMs).toBeLessThan(4_000)
  })
})

describe('calls within a site', () => {
  const near = [{ name: 'edge-2', lan: ['192.168.1.12'] }]

  it('go over the LAN, through the relay soon after the LAN went silent, and come back', async () => {
    const { relays } = await start(['edge-2'])
    const caller = await run(lab.node('edge-1'), { relays, calls: near })
    await callThat(caller, ({ path }) => path === 'lan')
    const silence = (verb: string): string =>
      `iptables -${verb} INPUT -s 192.168.1.11 -j DROP; iptables -${verb} OUTPUT -d 192.168.1.11 -j DROP`
    await lab.node('edge-2').exec(['sh', '-c', silence('I')])
    const cutAt = monotonicMs()
    const relayed = await callThat(caller, ({ path, at }) => path === 'relayed' && at > cutAt - 100)
    expect(answeredAt(relayed) - cutAt).toBeLessThan(3_500)

    await lab.node('edge-2').exec(['sh', '-c', silence('D')])
    const restoredAt = monotonicMs()
    const back = await callThat(caller, ({ path, at }) => path === 'lan' && at > restoredAt)
    expect(back.at - restoredAt).toBeLessThan(30_000)
  })

  it('go on when the node gets another address', async () => {
    const { relays } = await start(['edge-2'])
    const caller = await run(lab.node('edge-1'), { relays, calls: near })
    await callThat(caller, ({ path }) => path === 'lan')
    const { stdout } = await lab.node('edge-1').exec(['ip', '-o', '-4', 'addr', 'show'])
    const [, device = ''] = /\d+: (\S+) +inet 192\.168\.1\.11/.exec(stdout) ?? []
    const move = `ip addr del 192.168.1.11/24 dev ${device}; ip addr add 192.168.1.77/24 dev ${device}; ip route replace default via 192.168.1.1`
    await lab.node('edge-1').exec(['sh', '-c', move])
    const movedAt = monotonicMs()

    const after = await callThat(caller, (call) => isDone(call) && answeredAt(call) > movedAt + 200)
    expect(answeredAt(after) - movedAt).toBeLessThan(6_000)
  })
})

it.each([
  ['the LAN', 'edge-2', ['192.168.1.12']],
  ['the relay', 'edge-3', []],
])('bulk over %s does not make a slow link look dead', async (_what, name, lan) => {
  const { relays } = await start([name])
  await lab.limitRate(lab.node(name), { bitsPerSecond: 1_000_000 })
  const calls = [{ name, lan, relays: Object.keys(relays) }]
  const caller = await run(lab.node('edge-1'), { relays, calls, ...ONE_CALL, bytes: 1024 * 1024 })

  // 8 s each way.
  const { path } = await callThat(caller, () => true)
  expect(path).toBe(lan.length > 0 ? 'lan' : 'relayed')
})
