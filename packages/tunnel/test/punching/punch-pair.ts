import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { FakeComponentDeps } from '@edgeway/testbed'
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { AgentHost } from '../../src/host/host.ts'
import { createTunnelMetrics } from '../../src/metrics.ts'
import type { NatType } from '../../src/nat-type.ts'
import type { PunchResult } from '../../src/node/punching/punch-result.ts'
import { Puncher, type PuncherDeps } from '../../src/node/punching/puncher.ts'
import { never, stranger } from '../stranger.ts'

export const LETS_IN: NatType = { mapping: 'endpoint-independent', filtering: 'open' }
export const SYMMETRIC: NatType = { mapping: 'symmetric', filtering: 'drop' }
export const DROPS: NatType = { mapping: 'endpoint-independent', filtering: 'drop' }

export interface PunchingNodeOptions extends Partial<PuncherDeps> {
  readonly type?: NatType
}

/** A host with a Puncher, whose reflectors are a double that knows no NAT. */
export class PunchingNode implements AsyncDisposable {
  readonly host: AgentHost
  readonly puncher: Puncher
  readonly deps = new FakeComponentDeps()
  /** Reflections that were not disposed of. */
  openReflections = 0
  reflections = 0
  /** Times that the NAT type was found to be outdated. */
  wakes = 0

  private constructor(host: AgentHost, { type = LETS_IN, ...overrides }: PunchingNodeOptions) {
    this.host = host
    this.puncher = new Puncher({
      host,
      nat: { type, reflectors: () => [{ host: '127.0.0.1', port: 1 }], wake: () => void this.wakes++ },
      peers: { natOf: () => undefined, isAt: () => true },
      members: { memberOf: async () => ({}) },
      hasBetter: () => false,
      metrics: createTunnelMetrics(this.deps.metrics),
      logger: this.deps.logger,
      isDialable: () => true,
      reflect: async () => {
        this.reflections++
        this.openReflections++
        const localPort = await freePort()
        return {
          localPort,
          mapping: { ip: '127.0.0.1', port: localPort },
          natMapping: type.mapping,
          [Symbol.dispose]: () => void this.openReflections--,
        }
      },
      ...overrides,
    })
  }

  static async start(options: PunchingNodeOptions = {}): Promise<PunchingNode> {
    const { [Symbol.asyncDispose]: _, ...host } = await stranger()
    const node = new PunchingNode(host, options)
    await node.puncher.prepare()
    return node
  }

  get peerId(): string {
    return this.host.node.peerId.toString()
  }

  /** To `other`, over loopback: what stands for the relayed connection. */
  async connect(other: PunchingNode): Promise<Connection> {
    const [address] = other.host.listenAddresses()
    return await this.host.dial(multiaddr(`${address}/p2p/${other.peerId}`), never)
  }

  punch(other: PunchingNode, over: Connection, nat: NatType): Promise<PunchResult> {
    return this.puncher.punch({ peerId: other.peerId, nat }, over, never)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.puncher[Symbol.asyncDispose]()
    await this.host.stop()
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
