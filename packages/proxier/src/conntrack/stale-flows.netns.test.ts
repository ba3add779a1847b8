import { MemoryLogger, NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KernelSlot, Match, Rule } from '../model/rule.ts'
import { StaleFlows } from './stale-flows.ts'

/** Endpoints are addresses of the node here; what nobody translates goes out to a world that never answers. */
const NODE_SETUP = `
ip address add 10.244.1.1/24 dev pod
ip address add fd00:244:1::1/64 dev pod nodad
ip link set pod up
ip link add world type veth peer name far
ip address add 192.168.1.2/24 dev world
ip address add fd00:1::2/64 dev world nodad
ip link set world up
ip link set far up
ip neigh add 192.168.1.1 lladdr 02:00:00:00:00:01 dev world
ip neigh add fd00:1::1 lladdr 02:00:00:00:00:01 dev world
ip route add default via 192.168.1.1
ip -6 route add default via fd00:1::1
for end in 7 8; do
  ip address add 10.244.9.$end/32 dev lo
  ip address add fd00:244:9::$end/128 dev lo nodad
done
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
`

const POD_SETUP = `
ip address add 10.244.1.2/24 dev eth0
ip address add fd00:244:1::2/64 dev eth0 nodad
ip link set eth0 up
ip route add default via 10.244.1.1
ip -6 route add default via fd00:244:1::1
`

/** Answers each datagram and each connection at port 5353 with the address that it came to. */
const ENDPOINTS = `
const { createSocket } = require('node:dgram')
const { createServer } = require('node:net')
for (const ip of ['10.244.9.7', '10.244.9.8', 'fd00:244:9::7', 'fd00:244:9::8']) {
  const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', (_, { address, port }) => socket.send(ip, port, address))
  socket.bind(5353, ip)
  createServer((client) => client.end(ip)).listen(5353, ip)
}
setTimeout(() => console.log('listening'), 0)
`

/** Sends one datagram and writes the answer: `ip port sourcePort`. */
const UDP_CLIENT = `
const [ip, port, sourcePort] = process.argv.slice(1)
const socket = require('node:dgram').createSocket(ip.includes(':') ? 'udp6' : 'udp4')
socket.on('message', (answer) => { console.log(answer.toString()); process.exit() })
socket.bind(Number(sourcePort), () => socket.send('?', Number(port), ip))
setTimeout(() => process.exit(), 1000)
`

const TCP_CLIENT = `
const [ip, port] = process.argv.slice(1)
require('node:net').connect({ host: ip, port }).pipe(process.stdout)
`

const FAMILIES = [
  {
    family: 'IPv4',
    nft: 'ip',
    vip: '10.96.0.1',
    otherVip: '10.96.0.2',
    node: '10.244.1.1',
    ends: ['10.244.9.7', '10.244.9.8'],
  },
  {
    family: 'IPv6',
    nft: 'ip6',
    vip: 'fd00:96::1',
    otherVip: 'fd00:96::2',
    node: 'fd00:244:1::1',
    ends: ['fd00:244:9::7', 'fd00:244:9::8'],
  },
] as const

describe.each(FAMILIES)(
  'StaleFlows with $family',
  ({ family, nft, vip, otherVip, node: nodeIp, ends: [old, fresh] }) => {
    let node: NetworkNamespace
    let pod: NetworkNamespace
    let flows: StaleFlows
    let logger: MemoryLogger

    beforeEach(async () => {
      const id = `px${uniqueLabId()}`
      node = await NetworkNamespace.create(`${id}-node`)
      pod = await NetworkNamespace.create(`${id}-pod`)
      await shell(node, `ip link add pod type veth peer name eth0 netns ${pod.name}`)
      await shell(node, NODE_SETUP)
      await shell(pod, POD_SETUP)
      // The kernel remembers nothing before some rule needs it.
      await translate()
      await node.spawn([process.execPath, '-e', ENDPOINTS]).waitForOutput(/listening/)
      logger = new MemoryLogger()
      flows = new StaleFlows({ logger, run: (command) => node.exec(command), ownAddresses: () => [nodeIp] })
    })

    afterEach(async () => {
      expect(logger.lines.filter(({ level }) => level === 'warn')).toEqual([])
      await pod[Symbol.asyncDispose]()
      await node[Symbol.asyncDispose]()
    })

    async function shell(where: NetworkNamespace, script: string): Promise<string> {
      const { code, stdout, stderr } = await where.exec(['sh', '-euc', script])
      if (code !== 0) throw new Error(stderr)
      return stdout
    }

    /** Replaces all translations: from `ip:port/protocol` of a destination to the port 5353 of an endpoint. */
    async function translate(
      ...rules: readonly { to: string; port: number; by: string; protocol?: string }[]
    ) {
      const lines = rules.map(({ to, port, by, protocol = 'udp' }) => {
        const target = family === 'IPv6' ? `[${by}]:5353` : `${by}:5353`
        return `${nft} daddr ${to} ${protocol} dport ${port} dnat ${nft} to ${target}`
      })
      const chain = `chain pre {\ntype nat hook prerouting priority -105\nct state new counter\n${lines.join('\n')}\n}`
      await shell(
        node,
        `nft -f - <<'END'\ntable inet t\ndelete table inet t\ntable inet t {\n${chain}\n}\nEND`,
      )
    }

    async function ask(ip: string, port: number, sourcePort: number): Promise<string> {
      const command = [process.execPath, '-e', UDP_CLIENT, ip, String(port), String(sourcePort)]
      return (await pod.exec(command)).stdout.trim()
    }

    /** What the kernel remembers, without what changes by itself. */
    async function tracked(protocol = 'udp'): Promise<string[]> {
      const text = await shell(node, `conntrack -L -p ${protocol} -f ${family.toLowerCase()} 2>/dev/null`)
      return text
        .split('\n')
        .flatMap((line) => /\bsrc=.*dport=\d+/.exec(line) ?? [])
        .sort()
    }

    function rule(match: Match, ...ips: readonly string[]): Rule {
      const slots = ips.map(
        (ip): KernelSlot => ({ ip, port: 5353, weight: 1, path: 'local', masquerade: false }),
      )
      return { mode: 'KERNEL', match, balance: { kind: 'random' }, slots, loopback: undefined }
    }

    function udp(ip: string, port: number): Match {
      return { kind: 'address', ip, protocol: 'UDP', port }
    }

    it('lets a client with a fixed source port reach the endpoint of now', async () => {
      const change = { previous: rule(udp(vip, 53), old), current: rule(udp(vip, 53), fresh) }
      await translate({ to: vip, port: 53, by: old })
      expect(await ask(vip, 53, 5000)).toBe(old)
      await translate({ to: vip, port: 53, by: fresh })
      expect(await ask(vip, 53, 5000)).toBe(old)

      expect(await flows.sweep([change])).toBe(1)

      expect(await ask(vip, 53, 5000)).toBe(fresh)
    })

    it('leaves the flows of others and those that are right as they are', async () => {
      const others = [
        { to: vip, port: 54, by: old },
        { to: otherVip, port: 53, by: old },
        { to: nodeIp, port: 53, by: old },
      ]
      await translate({ to: vip, port: 53, by: fresh }, ...others)
      for (const { to, port } of others) expect(await ask(to, port, 5000)).toBe(old)
      expect(await ask(vip, 53, 5001)).toBe(fresh)
      const right = await tracked()
      await translate({ to: vip, port: 53, by: old }, ...others)
      expect(await ask(vip, 53, 5002)).toBe(old)
      expect(await tracked()).toHaveLength(right.length + 1)

      const previous = rule(udp(vip, 53), old, fresh)
      expect(await flows.sweep([{ previous, current: rule(udp(vip, 53), fresh) }])).toBe(1)

      expect(await tracked()).toEqual(right)
    })

    it('catches what was sent before there was a rule, and what goes to a former endpoint without one', async () => {
      expect(await ask(vip, 53, 5000)).toBe('')
      await translate({ to: vip, port: 53, by: fresh })
      expect(await ask(vip, 53, 5000)).toBe('')

      expect(await flows.sweepAll([rule(udp(vip, 53), fresh)])).toBe(1)
      expect(await ask(vip, 53, 5000)).toBe(fresh)

      await translate()
      expect(await flows.sweep([{ previous: rule(udp(vip, 53), fresh), current: undefined }])).toBe(1)
      expect(await tracked()).toEqual([])
    })

    it('finds the flows for a node port', async () => {
      const match: Match = { kind: 'node-port', family, protocol: 'UDP', port: 30053 }
      await translate({ to: nodeIp, port: 30053, by: old }, { to: vip, port: 30053, by: old })
      await ask(nodeIp, 30053, 5000)
      await ask(vip, 30053, 5000)

      expect(await flows.sweep([{ previous: rule(match, old), current: rule(match, fresh) }])).toBe(1)

      expect(await tracked()).toEqual([expect.stringContaining(`dst=${vip} `)])
    })

    it('lets a connection that was begun before there was a rule be made by its next attempt', async () => {
      const match: Match = { kind: 'address', ip: vip, protocol: 'TCP', port: 80 }
      const client = pod.spawn([process.execPath, '-e', TCP_CLIENT, vip, '80'])
      await expect.poll(() => tracked('tcp'), { timeout: 10_000 }).toHaveLength(1)
      await translate({ to: vip, port: 80, by: fresh, protocol: 'tcp' })

      expect(await flows.sweep([{ previous: undefined, current: rule(match, fresh) }])).toBe(1)

      await client.waitForOutput(new RegExp(`${fresh}`))
      const established = await tracked('tcp')
      expect(await flows.sweep([{ previous: undefined, current: rule(match, fresh) }])).toBe(0)
      expect(await tracked('tcp')).toEqual(established)
    })
  },
)
