/**
 * `nat-node.ts JSON`: a tunnel server, or a node that joins such, as `NatNodeConfig` says; for tests in namespaces. Writes
 * `{"ready":…}`; a node then `{"nat":…}` at each change.
 */

import { join } from 'node:path'
import type { NodeName } from '@edgeway/core'
import { FakeComponentDeps } from '@edgeway/testbed'
import { DEFAULT_MEMBERSHIP_OPTIONS } from '../src/server/enrolment/membership-options.ts'
import { DEFAULT_REFLECTOR_OPTIONS } from '../src/server/reflector/reflector-options.ts'
import { DEFAULT_RELAY_SERVER_OPTIONS, RelayServer } from '../src/server/relay-server.ts'
import { PrivateFile } from '../src/state/private-file.ts'
import { Tunnel } from '../src/tunnel.ts'
import { DEFAULT_TUNNEL_OPTIONS } from '../src/tunnel-options.ts'

export interface NatNodeConfig {
  readonly name: string
  /** Shared by all: the cluster's keys and the join token are there, and a folder for each node. */
  readonly directory: string
  /** `host:port` of the tunnel servers; none for a server itself. */
  readonly servers?: readonly string[]
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

async function startServer({ name, directory }: NatNodeConfig): Promise<void> {
  const file = (...parts: readonly string[]): PrivateFile => new PrivateFile(join(directory, ...parts))
  const state = {
    key: file(name, 'key'),
    joinToken: file('join-token'),
    cluster: file('cluster.json'),
    registry: file(name, 'registry.json'),
    refreshIntervalMs: 1_000,
  }
  const options = { ...DEFAULT_RELAY_SERVER_OPTIONS, ...DEFAULT_MEMBERSHIP_OPTIONS }
  await RelayServer.start(
    { ...options, reflector: DEFAULT_REFLECTOR_OPTIONS },
    { ...new FakeComponentDeps(), state },
  )
}

async function startNode({ name, directory, servers = [] }: NatNodeConfig): Promise<void> {
  const options = {
    ...{ ...DEFAULT_TUNNEL_OPTIONS, servers },
    joinTokenFile: join(directory, 'join-token'),
    keyFile: join(directory, name, 'key'),
    dataDir: join(directory, name),
  }
  const deps = new FakeComponentDeps()
  await Tunnel.start(options, { ...deps, nodeName: name as NodeName })
  let told: unknown
  setInterval(() => {
    const { nat } = deps.status.read('tunnel') as { nat: unknown }
    if (nat !== told) say({ nat })
    told = nat
  }, 50)
}

if (process.argv[1] === import.meta.filename) {
  const config: NatNodeConfig = JSON.parse(process.argv[2] ?? '')
  await (config.servers === undefined ? startServer(config) : startNode(config))
  say({ ready: config.name })
}
