import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { DialTarget, FlowAnswer, FlowHandler, FlowRequest, NodeName } from '@edgeway/core'
import { endpointsOf, FakeComponentDeps, type LogLine } from '@edgeway/testbed'
import { vi } from 'vitest'
import type { Clock } from '../src/identity/clock.ts'
import { ClusterKeys } from '../src/identity/cluster-keys.ts'
import {
  DEFAULT_MEMBERSHIP_OPTIONS,
  type MembershipOptions,
} from '../src/server/enrolment/membership-options.ts'
import type { ReflectorOptions } from '../src/server/reflector/reflector-options.ts'
import {
  DEFAULT_RELAY_SERVER_OPTIONS,
  RelayServer,
  type RelayServerOptions,
} from '../src/server/relay-server.ts'
import { PrivateFile } from '../src/state/private-file.ts'
import { Tunnel } from '../src/tunnel.ts'
import { DEFAULT_TUNNEL_OPTIONS, type TunnelOptions } from '../src/tunnel-options.ts'

/** Where a tunnel server keeps what outlives it. */
interface StateFiles {
  readonly keyFile: string
  readonly joinTokenFile: string
  readonly clusterFile: string
  readonly registryFile: string
}

/** None unless a test says otherwise. */
interface ReflectorPorts {
  readonly reflector: ReflectorOptions
}

/** A tunnel server and tunnels on loopback, in one process, with files in a directory of their own. */
export class SmallMesh implements AsyncDisposable {
  readonly directory: string
  readonly #stack = new AsyncDisposableStack()
  #port = 0
  #tokenFiles = 0

  private constructor(directory: string) {
    this.directory = directory
    this.#stack.defer(() => rm(directory, { recursive: true }))
  }

  static async create(): Promise<SmallMesh> {
    return new SmallMesh(await mkdtemp(join(tmpdir(), 'edgeway-tunnel-')))
  }

  get serverAddress(): string {
    return `127.0.0.1:${this.#port}`
  }

  get joinTokenFile(): string {
    return join(this.directory, 'join-token')
  }

  get clusterFile(): string {
    return join(this.directory, 'cluster.json')
  }

  /** Started again, it listens on the same port with the same files. */
  async server(
    overrides: Partial<RelayServerOptions & MembershipOptions & StateFiles & ReflectorPorts> = {},
  ): Promise<{ server: RelayServer; deps: FakeComponentDeps }> {
    const deps = new FakeComponentDeps()
    const { keyFile, joinTokenFile, clusterFile, registryFile, ...options } = {
      ...{ ...DEFAULT_RELAY_SERVER_OPTIONS, ...DEFAULT_MEMBERSHIP_OPTIONS },
      listenHost: '127.0.0.1',
      listenPort: this.#port,
      keyFile: join(this.directory, 'server-key'),
      joinTokenFile: this.joinTokenFile,
      clusterFile: this.clusterFile,
      registryFile: join(this.directory, 'registry.json'),
      admissionGraceMs: 2_000,
      reflector: { ports: [] },
      ...overrides,
    }
    const state = {
      key: new PrivateFile(keyFile),
      joinToken: new PrivateFile(joinTokenFile),
      cluster: new PrivateFile(clusterFile),
      registry: new PrivateFile(registryFile),
      refreshIntervalMs: 50,
    }
    const server = this.#stack.use(await RelayServer.start(options, { ...deps, state }))
    if (this.#port === 0) this.#port = server.port
    return { server, deps }
  }

  /** As the operator's commands have them. */
  keys(clock?: Clock): Promise<ClusterKeys> {
    return ClusterKeys.loadOrCreate(new PrivateFile(this.clusterFile), clock)
  }

  /** A tunnel that can only be reached through the relay, unless `overrides` say otherwise. */
  async node(
    name: string,
    { clock, ...overrides }: Partial<TunnelOptions> & { readonly clock?: Clock } = {},
  ): Promise<MeshNode> {
    const options = {
      ...DEFAULT_TUNNEL_OPTIONS,
      listenHost: '127.0.0.1',
      listenPort: 0,
      servers: [this.serverAddress],
      joinTokenFile: this.joinTokenFile,
      keyFile: join(this.directory, `${name}-key`),
      dataDir: join(this.directory, name),
      announceAddresses: [],
      usePrivateAddresses: true,
      // Tests that leave flows open don't wait for them.
      drainTimeoutMs: 0,
      ...overrides,
    }
    const node = await MeshNode.start(name, options, clock)
    this.#stack.use(node)
    return node
  }

  /** A join token file with that content. */
  async tokenFile(...lines: readonly string[]): Promise<string> {
    const path = join(this.directory, `token-${++this.#tokenFiles}`)
    await writeFile(path, lines.join('\n'))
    return path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

export class MeshNode implements AsyncDisposable {
  readonly name: NodeName
  readonly tunnel: Tunnel
  readonly deps: FakeComponentDeps

  private constructor(name: NodeName, tunnel: Tunnel, deps: FakeComponentDeps) {
    this.name = name
    this.tunnel = tunnel
    this.deps = deps
  }

  static async start(name: string, options: TunnelOptions, clock?: Clock): Promise<MeshNode> {
    const deps = new FakeComponentDeps()
    const nodeName = name as NodeName
    const ofClock = clock === undefined ? {} : { clock }
    return new MeshNode(nodeName, await Tunnel.start(options, { ...deps, nodeName, ...ofClock }), deps)
  }

  get isReady(): boolean {
    return !this.deps.readiness.shut.includes('tunnel')
  }

  /** Where the tunnel listens, as it says itself. */
  get address(): string {
    const [line] = linesOf(this.deps, 'tunnel listens')
    return String(line?.fields['addresses'])
  }

  async ready(): Promise<this> {
    await until(() => this.isReady, `${this.name} is ready`)
    return this
  }

  /** Waits until this node knows that many peers. */
  async knows(peers: number): Promise<this> {
    await until(
      () => this.deps.metrics.value('edgeway_tunnel_peers') >= peers,
      `${this.name} knows ${peers} peers`,
    )
    return this
  }

  dial(node: string, signal: AbortSignal = AbortSignal.timeout(15_000)) {
    return this.tunnel.dialer.dial(targetOn(node), signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tunnel[Symbol.asyncDispose]()
  }
}

/** `edge-1` and `edge-2`, joined and known to each other, with what the test says of `edge-2`. */
export async function twoNodes(
  mesh: SmallMesh,
  overrides: Parameters<SmallMesh['node']>[1] = {},
): Promise<[MeshNode, MeshNode]> {
  await mesh.server()
  const one = await (await mesh.node('edge-1')).ready()
  const two = await (await mesh.node('edge-2', overrides)).ready()
  return [await one.knows(1), await two.knows(1)]
}

export function targetOn(node: string): DialTarget {
  const [endpoint] = endpointsOf(`${node}/10.1.0.1:80`)
  if (endpoint === undefined) throw new Error('no endpoint')
  return { endpoint, service: 'shop/web' as DialTarget['service'] }
}

/** A FlowHandler that hands each flow to `serve`. */
export function serving(
  serve: (stream: Duplex, reset: () => void) => void,
): FlowHandler & { requests: FlowRequest[] } {
  const requests: FlowRequest[] = []
  return {
    requests,
    open: async (request): Promise<FlowAnswer> => {
      requests.push(request)
      return { status: 'ok', serve, abandon: () => {} }
    },
  }
}

export const echo = (stream: Duplex): void => void stream.on('error', () => {}).pipe(stream)

/** Waits for a condition, generously. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error(`not yet: ${what}`)
    },
    { timeout: 15_000, interval: 20 },
  )
}

export function linesOf(deps: FakeComponentDeps, message: string): LogLine[] {
  return deps.logger.lines.filter((line) => line.message === message)
}

export async function textOf(stream: Duplex): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
