import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection } from '@libp2p/interface'
import { type AgentHost, startAgentHost } from '../src/host/host.ts'

export const never = new AbortController().signal

/** A libp2p host with a key that no server has admitted. */
export async function stranger(): Promise<AgentHost & AsyncDisposable> {
  const key = await generateKeyPair('Ed25519')
  const host = await startAgentHost({ key, listenHost: '127.0.0.1', listenPort: 0, gater: {} })
  return { ...host, [Symbol.asyncDispose]: async () => host.stop() }
}

export function closed(connection: Connection): Promise<unknown> {
  return new Promise((resolve) => connection.addEventListener('close', resolve))
}
