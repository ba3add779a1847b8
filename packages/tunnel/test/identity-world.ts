import type { NodeName } from '@edgeway/core'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { StoredValueConflictError } from '../src/errors.ts'
import { FlooredClock } from '../src/identity/clock.ts'
import { ClusterKeys } from '../src/identity/cluster-keys.ts'
import { signerOf } from '../src/identity/signed-document.ts'
import { Trust } from '../src/identity/trust.ts'
import type { StoredValue } from '../src/state/stored-value.ts'

export const NODE = 'edge-1' as NodeName
export const START = 1_700_000_000
export const DAY = 86_400

/** Refuses a write by who has not read what is stored, as Secrets do. */
export class SharedMemory {
  content: Buffer | undefined
  isFull = false

  view(): StoredValue {
    let known: Buffer | undefined
    return {
      place: 'memory',
      read: async () => {
        known = this.content
        return known
      },
      write: async (content) => {
        if (this.isFull) throw new Error('no space left')
        if (this.content !== known) throw new StoredValueConflictError('written meanwhile')
        this.content = Buffer.from(content)
        known = this.content
      },
      exposure: async () => undefined,
    }
  }
}

/** A cluster with a clock of its own that stands still. */
export class World {
  readonly stored = new SharedMemory()
  seconds = START
  readonly clock = new FlooredClock(() => this.seconds * 1_000)

  keys(): Promise<ClusterKeys> {
    return ClusterKeys.loadOrCreate(this.stored.view(), this.clock)
  }

  /** As a node with a join token of that cluster begins. */
  trustOf(keys: ClusterKeys): Trust {
    const { cluster, root } = keys.createToken({ uses: 'multi' })
    return new Trust({ cluster, roots: [root] }, this.clock)
  }
}

/** A node's key. */
export async function peer() {
  const key = await generateKeyPair('Ed25519')
  return { peerId: key.publicKey.toString(), signer: signerOf(key) }
}

export function certificate(keys: ClusterKeys, peerId: string, validSeconds = 30 * DAY): string {
  return keys.issue({ node: NODE, peerId, role: 'agent', labels: {} }, validSeconds)
}
