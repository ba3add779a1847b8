import { fileURLToPath } from 'node:url'
import { NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import type { RunCommand } from '../src/run-command.ts'

const ANSWERER = fileURLToPath(new URL('answerer.ts', import.meta.url))
const CALLER = fileURLToPath(new URL('caller.ts', import.meta.url))

/** Where connections to ClusterIPs end that nobody intercepts. */
const SERVICE_RANGES = ['10.96.0.0/12', 'fd00:96::/64']

const NODE_SETUP = `
ip link add cni0 type bridge
ip address add 10.244.1.1/24 dev cni0
ip address add fd00:244:1::1/64 dev cni0 nodad
ip link set cni0 up
ip link set pod master cni0 up
ip address add 192.168.1.2/24 dev uplink
ip address add fd00:1::2/64 dev uplink nodad
ip link set uplink up
ip route add default via 192.168.1.1
ip -6 route add default via fd00:1::1
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
`

const POD_SETUP = `
ip address add 10.244.1.2/24 dev eth0
ip address add fd00:244:1::2/64 dev eth0 nodad
ip link set eth0 up
ip route add default via 10.244.1.1
ip -6 route add default via fd00:244:1::1
`

const WORLD_SETUP = `
ip address add 192.168.1.1/24 dev eth0
ip address add fd00:1::1/64 dev eth0 nodad
ip link set eth0 up
ip route add 10.244.1.0/24 via 192.168.1.2
ip -6 route add fd00:244:1::/64 via fd00:1::2
${SERVICE_RANGES.map((range) => `ip route add local ${range} dev lo`).join('\n')}
`

/** How often a caller got which answer or error code. */
export type Answers = Readonly<Record<string, number>>

/**
 * A node with a pod on its bridge, in namespaces, and the world behind the node. Port 80 of every ClusterIP answers
 * `world` there, so that a connection nobody intercepted is seen as such.
 */
export class NodeLab implements AsyncDisposable {
  readonly node: NetworkNamespace
  readonly pod: NetworkNamespace
  readonly #stack: AsyncDisposableStack

  private constructor(node: NetworkNamespace, pod: NetworkNamespace, stack: AsyncDisposableStack) {
    this.node = node
    this.pod = pod
    this.#stack = stack
  }

  static async create(): Promise<NodeLab> {
    await using stack = new AsyncDisposableStack()
    const id = `px${uniqueLabId()}`
    const node = stack.use(await NetworkNamespace.create(`${id}-node`))
    const pod = stack.use(await NetworkNamespace.create(`${id}-pod`))
    const world = stack.use(await NetworkNamespace.create(`${id}-world`))
    await shell(node, `ip link add pod type veth peer name eth0 netns ${pod.name}`)
    await shell(node, `ip link add uplink type veth peer name eth0 netns ${world.name}`)
    await shell(node, NODE_SETUP)
    await shell(pod, POD_SETUP)
    await shell(world, WORLD_SETUP)
    const lab = new NodeLab(node, pod, stack.move())
    await lab.answer({ as: 'world', ip: '::', port: 80 }, world)
    return lab
  }

  /** Runs a command of the proxier on the node. */
  readonly run: RunCommand = (command, input = '') => this.node.exec(command, { input })

  /** Runs shell commands on the node. */
  shell(script: string): Promise<string> {
    return shell(this.node, script)
  }

  /** Starts a server that answers each connection with a name; on the node unless said otherwise. */
  async answer(
    { as, ip, port }: { readonly as: string; readonly ip: string; readonly port: number },
    where: NetworkNamespace = this.node,
  ): Promise<void> {
    const server = this.#stack.use(where.spawn([process.execPath, ANSWERER, as, ip, String(port)]))
    await server.waitForOutput(/listening/)
  }

  /** Connects to port 80 of a ClusterIP. */
  async call(
    from: NetworkNamespace,
    ip: string,
    { count = 1, groupId }: { readonly count?: number; readonly groupId?: number } = {},
  ): Promise<Answers> {
    const group = groupId === undefined ? [] : [String(groupId)]
    const command = [process.execPath, CALLER, ip, '80', String(count), ...group]
    const { code, stdout, stderr } = await from.exec(command, { timeoutMs: 60_000 })
    if (code !== 0) throw new Error(`the caller failed: ${stderr}`)
    return JSON.parse(stdout)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

async function shell(where: NetworkNamespace, script: string): Promise<string> {
  const { code, stdout, stderr } = await where.exec(['sh', '-euc', script])
  if (code !== 0) throw new Error(`"${script.trim()}" failed: ${stderr}`)
  return stdout
}
