import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Answers, NodeLab } from '../test/node-lab.ts'
import { NftablesBackend } from './nftables-backend.ts'
import type { Rule } from './rules.ts'
import type { RunCommand } from './run-command.ts'

const GROUP_ID = 4_242
const LISTENER = { ip: '169.254.96.16', port: 15_001 }
const LISTENER_6 = { ip: 'fd00:e::16', port: 15_001 }

const TO_AGENT: Rule = { mode: 'AGENT', ip: '10.96.0.1', protocol: 'TCP', port: 80, listener: LISTENER }
const TO_AGENT_6: Rule = { mode: 'AGENT', ip: 'fd00:96::1', protocol: 'TCP', port: 80, listener: LISTENER_6 }
const REFUSED: Rule = { mode: 'REJECT', ip: '10.96.0.2', protocol: 'TCP', port: 80 }
const REFUSED_6: Rule = { mode: 'REJECT', ip: 'fd00:96::2', protocol: 'TCP', port: 80 }

/** What kube-proxy makes of a Service: DNAT to its only endpoint, at its priority. */
const KUBE_PROXY_SHAPED = `
table ip kube-proxy-shaped {
  chain services {
    ip daddr { 10.96.0.1, 10.96.0.2, 10.96.0.9 } tcp dport 80 dnat to 10.244.1.1:9999
  }
  chain prerouting { type nat hook prerouting priority -100; jump services; }
  chain output { type nat hook output priority -100; jump services; }
}
`

describe('NftablesBackend', () => {
  let lab: NodeLab
  let backend: NftablesBackend

  beforeAll(async () => {
    lab = await NodeLab.create()
    await lab.shell(`
      ip link add edgeway0 type bridge
      ip address add 169.254.96.16/32 dev edgeway0
      ip address add fd00:e::16/128 dev edgeway0 nodad
      ip link set edgeway0 up`)
    await Promise.all([
      lab.answer({ as: 'agent', ...LISTENER }),
      lab.answer({ as: 'agent', ...LISTENER_6 }),
      lab.answer({ as: 'second listener', ip: '169.254.96.16', port: 15_002 }),
      lab.answer({ as: 'kube-proxy', ip: '10.244.1.1', port: 9_999 }),
    ])
  })

  afterAll(async () => {
    await lab[Symbol.asyncDispose]()
  })

  beforeEach(async () => {
    await lab.shell('nft flush ruleset')
    backend = new NftablesBackend(GROUP_ID, lab.run)
  })

  async function callFromBoth(ip: string): Promise<{ pod: Answers; host: Answers }> {
    const [pod, host] = await Promise.all([lab.call(lab.pod, ip), lab.call(lab.node, ip)])
    return { pod, host }
  }

  /** Calls the ClusterIP from pod and node while `change` runs over and over; tells who answered, and how often it ran. */
  async function callDuring(
    change: (run: number) => Promise<unknown>,
  ): Promise<{ answers: Answers[]; runs: number }> {
    let isOver = false
    const calls = Promise.all([
      lab.call(lab.pod, '10.96.0.1', { count: 2_000 }),
      lab.call(lab.node, '10.96.0.1', { count: 2_000 }),
    ]).finally(() => {
      isOver = true
    })
    let runs = 0
    for (; !isOver; runs++) await change(runs)
    return { answers: await calls, runs }
  }

  it('finds the kernel fit without leaving anything in it', async () => {
    expect(await backend.probe()).toEqual({ usable: true })
    expect(await lab.shell('nft list ruleset')).toBe('')
  })

  it('hands connections of pods and of host processes to the listener', async () => {
    await backend.apply([TO_AGENT, TO_AGENT_6])

    expect(await callFromBoth('10.96.0.1')).toEqual({ pod: { agent: 1 }, host: { agent: 1 } })
    expect(await callFromBoth('fd00:96::1')).toEqual({ pod: { agent: 1 }, host: { agent: 1 } })
  })

  it('leaves what has no rule alone', async () => {
    await backend.apply([TO_AGENT, TO_AGENT_6])

    expect(await callFromBoth('10.96.0.9')).toEqual({ pod: { world: 1 }, host: { world: 1 } })
    expect(await callFromBoth('fd00:96::9')).toEqual({ pod: { world: 1 }, host: { world: 1 } })
  })

  it('refuses connections to what is rejected at once', async () => {
    await backend.apply([REFUSED, REFUSED_6])

    const refused = { pod: { ECONNREFUSED: 1 }, host: { ECONNREFUSED: 1 } }
    expect(await callFromBoth('10.96.0.2')).toEqual(refused)
    expect(await callFromBoth('fd00:96::2')).toEqual(refused)
  })

  it('touches nothing that a process of the exempt group sends', async () => {
    await backend.apply([TO_AGENT, REFUSED])

    expect(await lab.call(lab.node, '10.96.0.1', { groupId: GROUP_ID })).toEqual({ world: 1 })
    expect(await lab.call(lab.node, '10.96.0.2', { groupId: GROUP_ID })).toEqual({ world: 1 })
  })

  it('exempts the group on the node only, not in its pods', async () => {
    await backend.apply([TO_AGENT])

    expect(await lab.call(lab.pod, '10.96.0.1', { groupId: GROUP_ID })).toEqual({ agent: 1 })
  })

  it.each(['before', 'after'])("wins over kube-proxy's rules that were added %s ours", async (when) => {
    if (when === 'before') await lab.run(['nft', '-f', '-'], KUBE_PROXY_SHAPED)
    await backend.apply([TO_AGENT, REFUSED])
    if (when === 'after') await lab.run(['nft', '-f', '-'], KUBE_PROXY_SHAPED)

    expect(await callFromBoth('10.96.0.1')).toEqual({ pod: { agent: 1 }, host: { agent: 1 } })
    expect(await callFromBoth('10.96.0.2')).toEqual({ pod: { ECONNREFUSED: 1 }, host: { ECONNREFUSED: 1 } })
    expect(await callFromBoth('10.96.0.9')).toEqual({ pod: { 'kube-proxy': 1 }, host: { 'kube-proxy': 1 } })
  })

  it('moves a Destination between modes and listeners', async () => {
    await backend.apply([TO_AGENT])

    expect(await backend.apply([{ ...TO_AGENT, listener: { ...LISTENER, port: 15_002 } }])).toBe('updated')
    expect(await lab.call(lab.pod, '10.96.0.1')).toEqual({ 'second listener': 1 })

    expect(await backend.apply([{ ...REFUSED, ip: '10.96.0.1' }])).toBe('updated')
    expect(await lab.call(lab.pod, '10.96.0.1')).toEqual({ ECONNREFUSED: 1 })

    expect(await backend.apply([])).toBe('updated')
    expect(await lab.call(lab.pod, '10.96.0.1')).toEqual({ world: 1 })
  })

  it('fails no connection while elements change', async () => {
    const moved: Rule = { ...TO_AGENT, listener: { ...LISTENER, port: 15_002 } }
    await backend.apply([TO_AGENT])

    const { answers, runs } = await callDuring((run) =>
      backend.apply(run % 2 ? [TO_AGENT] : [moved, REFUSED]),
    )

    expect(runs).toBeGreaterThan(10)
    for (const { agent = 0, 'second listener': second = 0 } of answers) expect(agent + second).toBe(2_000)
  })

  it('fails no connection while the table that a crashed process left is replaced', async () => {
    await new NftablesBackend(GROUP_ID, lab.run).apply([TO_AGENT])

    const { answers, runs } = await callDuring(() => new NftablesBackend(GROUP_ID, lab.run).apply([TO_AGENT]))

    expect(runs).toBeGreaterThan(10)
    expect(answers).toEqual([{ agent: 2_000 }, { agent: 2_000 }])
  })

  it('keeps nothing of the rules that a crashed process left', async () => {
    await new NftablesBackend(GROUP_ID, lab.run).apply([TO_AGENT, REFUSED])
    await lab.shell('nft add chain inet edgeway of-an-older-version')

    await backend.apply([TO_AGENT_6])

    expect(await lab.shell('nft list table inet edgeway')).not.toMatch(/10\.96\.|of-an-older-version/)
    expect(await backend.verify()).toBe('intact')
  })

  it('runs nothing when the rules are the same', async () => {
    await backend.apply([TO_AGENT, REFUSED_6])
    const before = await lab.shell('nft -a list table inet edgeway')

    expect(await backend.apply([TO_AGENT, REFUSED_6])).toBe('unchanged')
    expect(await lab.shell('nft -a list table inet edgeway')).toBe(before)
  })

  it('calls its own rules intact, after a load and after updates', async () => {
    await backend.apply([TO_AGENT, TO_AGENT_6])
    expect(await backend.verify()).toBe('intact')

    await backend.apply([TO_AGENT, REFUSED, REFUSED_6])
    expect(await backend.verify()).toBe('intact')
  })

  it.each([
    ['all tables', 'nft flush ruleset'],
    ['the rules of our table', 'nft flush table inet edgeway'],
    ['the elements of a map', 'nft flush map inet edgeway agent4'],
    ['our table', 'nft delete table inet edgeway'],
    ['one element', 'nft delete element inet edgeway reject4 { 10.96.0.2 . tcp . 80 }'],
    ['nothing, but adds an element', 'nft add element inet edgeway reject4 { 10.96.0.3 . tcp . 80 }'],
    ['nothing, but adds a rule', 'nft insert rule inet edgeway services accept'],
    ['nothing, but drops all packets', 'nft chain inet edgeway filter-input "{ policy drop; }"'],
    ['nothing, but switches our table off', 'nft add table inet edgeway "{ flags dormant; }"'],
  ])('finds and repairs the drift when a stranger removes %s', async (_what, command) => {
    await backend.apply([TO_AGENT, REFUSED])
    await lab.shell(command)

    expect(await backend.verify()).toBe('drifted')
    expect(await backend.verify(), 'told once').toBe('intact')
    expect(await backend.apply([TO_AGENT, REFUSED])).toBe('loaded')
    expect(await backend.verify()).toBe('intact')
    expect(await callFromBoth('10.96.0.1')).toEqual({ pod: { agent: 1 }, host: { agent: 1 } })
  })

  it('brings chains in order whose policy was changed while no process ran', async () => {
    await new NftablesBackend(GROUP_ID, lab.run).apply([TO_AGENT])
    await lab.shell('nft chain inet edgeway filter-input "{ policy drop; }"')

    await backend.apply([TO_AGENT])

    expect(await lab.call(lab.pod, '10.96.0.1')).toEqual({ agent: 1 })
  })

  it('makes the table anew when what a stranger put in place of a set is of another kind', async () => {
    await backend.apply([TO_AGENT])
    await lab.shell(`
      nft flush table inet edgeway
      nft delete set inet edgeway reject6
      nft add set inet edgeway reject6 '{ type ipv6_addr . inet_proto . inet_service; timeout 1h; }'`)

    expect(await backend.verify()).toBe('drifted')
    await expect(backend.apply([TO_AGENT])).rejects.toThrow(/reject6/)
    expect(await backend.apply([TO_AGENT])).toBe('loaded')
    expect(await lab.shell('nft list table inet edgeway')).not.toContain('timeout')
  })

  it('calls its own rules intact on a system that has no names for protocols', async () => {
    const nameless: RunCommand = (command, input) => {
      const script = 'mount --bind /dev/null /etc/protocols; exec "$@"'
      return lab.run(['unshare', '--mount', 'sh', '-euc', script, 'sh', ...command], input)
    }
    backend = new NftablesBackend(GROUP_ID, nameless)

    await backend.apply([TO_AGENT, REFUSED_6])

    expect(await backend.verify()).toBe('intact')
  })

  it('calls its own rules intact whatever form of IPv6 address they have', async () => {
    const ips = ['::ffff:a60:1', '::a60:1', '1:0:2:0:3:0:4:0', '64:ff9b::a60:1', '::1', '::']
    await backend.apply(ips.map((ip) => ({ ...TO_AGENT_6, ip })))

    expect(await backend.verify()).toBe('intact')
  })

  it('makes the table anew when what it finds can no longer be filled', async () => {
    await backend.apply([TO_AGENT])
    await lab.shell('nft flush table inet edgeway; nft delete set inet edgeway reject6')

    expect(await backend.verify()).toBe('drifted')
    await expect(backend.apply([TO_AGENT])).rejects.toThrow(/reject6/)
    expect(await backend.apply([TO_AGENT])).toBe('loaded')
    expect(await callFromBoth('10.96.0.1')).toEqual({ pod: { agent: 1 }, host: { agent: 1 } })
  })

  it('loads everything again after an update that the kernel refused', async () => {
    await backend.apply([TO_AGENT])
    await lab.shell('nft delete table inet edgeway')

    await expect(backend.apply([TO_AGENT, REFUSED])).rejects.toThrow(/"nft -f -" failed .*No such file/s)
    expect(await backend.apply([TO_AGENT, REFUSED])).toBe('loaded')
  })

  it('removes its table and nothing else', async () => {
    await lab.run(['nft', '-f', '-'], KUBE_PROXY_SHAPED)
    await backend.apply([TO_AGENT])

    await backend.cleanup()
    await backend.cleanup()

    expect(await lab.shell('nft list tables')).toBe('table ip kube-proxy-shaped\n')
    expect(await callFromBoth('10.96.0.1')).toEqual({ pod: { 'kube-proxy': 1 }, host: { 'kube-proxy': 1 } })
  })

  it('loads and updates 10,000 ServicePorts', async () => {
    const rules = Array.from({ length: 10_000 }, (_, i): Rule => {
      return { ...TO_AGENT, ip: `10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}` }
    })
    const times: string[] = []
    const timed = async <T>(what: string, action: () => Promise<T>): Promise<T> => {
      const startedAt = performance.now()
      const result = await action()
      times.push(`${what} ${Math.round(performance.now() - startedAt)} ms`)
      return result
    }

    expect(await timed('load', () => backend.apply(rules))).toBe('loaded')
    expect(await timed('one change', () => backend.apply(rules.slice(1)))).toBe('updated')
    expect(await timed('verify', () => backend.verify())).toBe('intact')
    process.stderr.write(`10,000 ServicePorts: ${times.join(', ')}\n`)
    expect(await lab.call(lab.pod, '10.100.0.9')).toEqual({ agent: 1 })
  })
})
