import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeComponentDeps, type LogLine } from '@edgeway/testbed'
import { vi } from 'vitest'
import type { JoinTokenRequest } from '../../src/identity/cluster-keys.ts'
import { ClusterKeys } from '../../src/identity/cluster-keys.ts'
import { signerOfSeed } from '../../src/identity/signed-document.ts'
import { type Revocation, signTrustBundle } from '../../src/identity/trust-bundle.ts'
import { DEFAULT_MEMBERSHIP_OPTIONS } from '../../src/server/enrolment/membership-options.ts'
import {
  DEFAULT_RELAY_SERVER_OPTIONS,
  RelayServer,
  type RelayServerOptions,
} from '../../src/server/relay-server.ts'
import { PrivateFile } from '../../src/state/private-file.ts'

/** A tunnel server of the test, with files of its own. */
export interface TestServer {
  readonly name: string
  readonly server: RelayServer
  readonly deps: FakeComponentDeps
  readonly address: string
}

/** Tunnel servers on loopback, in this process. */
export class ServerMesh implements AsyncDisposable {
  readonly #directory: string
  readonly #stack = new AsyncDisposableStack()
  readonly #ports = new Map<string, number>()

  private constructor(directory: string) {
    this.#directory = directory
    this.#stack.defer(() => rm(directory, { recursive: true }))
  }

  static async create(): Promise<ServerMesh> {
    return new ServerMesh(await mkdtemp(join(tmpdir(), 'edgeway-servers-')))
  }

  file(server: string, name: string): string {
    return join(this.#directory, server, name)
  }

  /** Started again, it listens on the same port with the same files. */
  async server(name: string, options: Partial<RelayServerOptions> = {}): Promise<TestServer> {
    const deps = new FakeComponentDeps()
    const file = (entry: string): PrivateFile => new PrivateFile(this.file(name, entry))
    const state = {
      key: file('key'),
      cluster: new PrivateFile(this.file(name, 'cluster.json'), { shared: true }),
      joinToken: file('join-token'),
      registry: file('registry.json'),
      refreshIntervalMs: 50,
    }
    const all = {
      ...{ ...DEFAULT_RELAY_SERVER_OPTIONS, ...DEFAULT_MEMBERSHIP_OPTIONS },
      reflector: { ports: [] },
      ...{ listenHost: '127.0.0.1', listenPort: this.#ports.get(name) ?? 0, ...options },
    }
    const server = this.#stack.use(await RelayServer.start(all, { ...deps, state }))
    this.#ports.set(name, server.port)
    return { name, server, deps, address: `127.0.0.1:${server.port}` }
  }

  /** Another server of the same cluster, with a copy of its keys as they are now. */
  async sibling(
    name: string,
    of: TestServer,
    options: Partial<RelayServerOptions> = {},
  ): Promise<TestServer> {
    await mkdir(join(this.#directory, name), { recursive: true, mode: 0o700 })
    await copyFile(this.file(of.name, 'cluster.json'), this.file(name, 'cluster.json'))
    return await this.server(name, options)
  }

  /** The join token for as many nodes as want it. */
  async standingToken({ name }: TestServer): Promise<string> {
    return (await readFile(this.file(name, 'join-token'), 'utf8')).trim()
  }

  async token(server: TestServer, request: JoinTokenRequest): Promise<string> {
    return (await this.keys(server)).createToken(request).text
  }

  /** As the operator's commands have them; the server takes over what is changed. */
  async keys({ name }: TestServer): Promise<ClusterKeys> {
    return await ClusterKeys.loadOrCreate(new PrivateFile(this.file(name, 'cluster.json'), { shared: true }))
  }

  /** As if another server had revoked all that at once. */
  async setRevocations(server: TestServer, revoked: readonly Revocation[]): Promise<void> {
    const keys = await this.keys(server)
    const stored = JSON.parse(await readFile(this.file(server.name, 'cluster.json'), 'utf8'))
    const { content } = keys.trust
    if (content === undefined) throw new Error('the cluster has no bundle')
    const signer = signerOfSeed(Buffer.from(stored.keys[0], 'base64url'))
    const { serial } = content
    await keys.merge(signTrustBundle({ ...content, serial: serial + 1, revoked }, signer))
    await until(() => bundleSerialOf(server) > serial, 'the bundle')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

export function bundleSerialOf({ deps }: TestServer): number {
  return (deps.status.read('tunnel') as { bundleSerial: number }).bundleSerial
}

/** Waits for a condition, generously. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error(`not yet: ${what}`)
    },
    { timeout: 15_000, interval: 20 },
  )
}

export function linesOf({ deps }: Pick<TestServer, 'deps'>, message: string): LogLine[] {
  return deps.logger.lines.filter((line) => line.message === message)
}

export function refusalsOf({ deps }: Pick<TestServer, 'deps'>, reason: string): number {
  return deps.metrics.value('edgeway_tunnel_server_refusals_total', { reason })
}
