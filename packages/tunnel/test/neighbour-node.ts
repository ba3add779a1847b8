/**
 * `neighbour-node.ts JSON`: what a node says and hears by multicast DNS, as `NeighbourNodeConfig` says; for tests in
 * namespaces. Writes a `NeighbourNodeLine` for each thing that happens, and says goodbye at SIGTERM.
 */

import { networkInterfaces } from 'node:os'
import { FakeComponentDeps } from '@edgeway/testbed'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { ClusterId } from '../src/identity/membership.ts'
import { createTunnelMetrics } from '../src/metrics.ts'
import { Neighbours } from '../src/node/neighbours/neighbours.ts'

/** Names stand for keys, which are made of them. */
export interface NeighbourNodeConfig {
  readonly name: string
  readonly cluster?: string
  readonly port?: number
  /** IP addresses at which somebody else is found, whoever is announced there. */
  readonly strangers?: readonly string[]
}

export type NeighbourNodeLine =
  | { readonly ready: string }
  | { readonly peerId: string; readonly addresses: readonly string[] }
  | { readonly outcome: string }

const PORT = 20_008

export async function peerIdOf(name: string): Promise<string> {
  const key = await generateKeyPairFromSeed('Ed25519', Buffer.alloc(32, name))
  return key.publicKey.toString()
}

function say(line: NeighbourNodeLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

async function run({
  name,
  cluster = '0123456789abcdef',
  port = PORT,
  strangers = [],
}: NeighbourNodeConfig): Promise<void> {
  const { logger, metrics: registry } = new FakeComponentDeps()
  const metrics = createTunnelMetrics(registry)
  const neighbours = new Neighbours({
    peerId: await peerIdOf(name),
    cluster: () => cluster as ClusterId,
    listening: () => {
      const infos = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
      return new Set(infos.map(({ address }) => `/ip4/${address}/tcp/${port}`))
    },
    isMember: () => true,
    isAlone: () => false,
    metrics: {
      neighbours: metrics.neighbours,
      neighbourAnnouncements: {
        add: (labels) => say({ outcome: String(labels.outcome) }),
      },
    },
    logger,
  })
  neighbours.onChange((peerId) => {
    const addresses = neighbours.addressesOf(peerId)
    say({ peerId, addresses })
    for (const address of addresses)
      if (strangers.some((ip) => address.startsWith(`/ip4/${ip}/`))) neighbours.refuted(peerId, address)
  })
  process.once('SIGTERM', () => void neighbours[Symbol.asyncDispose]())
  setInterval(() => neighbours.wake(), 200).unref()
  neighbours.wake()
  say({ ready: name })
}

if (process.argv[1] === import.meta.filename) await run(JSON.parse(process.argv[2] ?? ''))
