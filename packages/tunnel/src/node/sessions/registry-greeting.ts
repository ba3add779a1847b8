import type { Connection } from '@libp2p/interface'
import {
  ServerRefusalError,
  SessionEndedError,
  TrustError,
  UnsupportedProtocolError,
  UntrustedServerError,
} from '../../errors.ts'
import type { StreamDuplex } from '../../host/stream-duplex.ts'
import type { MembershipVerdict } from '../../identity/membership.ts'
import type { Trust } from '../../identity/trust.ts'
import { readFrame } from '../../protocol/frames.ts'
import {
  decodeRegistryMessage,
  encodeRegistryMessage,
  type Hello,
  REGISTRY_FRAMES,
  REGISTRY_PROTOCOL,
  REGISTRY_VERSION,
  type RegistryMessage,
  type Welcome,
} from '../../protocol/registry.ts'
import { openStream } from '../early-stream.ts'
import type { NodeIdentity } from '../membership/node-identity.ts'
import { judgeServer } from '../membership/server-proof.ts'

/** What a session begins with. */
export interface Greeting {
  readonly stream: StreamDuplex
  readonly welcome: Welcome
  readonly rttMs: number
  /** Messages that came while a bundle was waited for. */
  readonly pending: RegistryMessage[]
}

/**
 * Says hello, and is welcome: each side takes the other's certificate.
 *
 * @throws {ServerRefusalError} when the server does not take this node's
 * @throws {UntrustedServerError} when this node does not take the server's
 */
export async function greet(
  connection: Connection,
  signal: AbortSignal,
  { identity, trust }: { readonly identity: NodeIdentity; readonly trust: Trust },
): Promise<Greeting> {
  const { certificate = '', instance } = identity
  const bundleSerial = trust.serial
  const hello: Hello = { type: 'hello', version: REGISTRY_VERSION, certificate, bundleSerial, instance }
  const saidAt = performance.now()
  const stream = await openWith(hello, connection, signal)
  try {
    const greeting = await readWelcome(stream, { signal, saidAt })
    const { bundleSerial, certificate } = greeting.welcome
    const server = { peerId: connection.remotePeer.toString(), certificate }
    const judge = (): MembershipVerdict => judgeServer(server, trust, identity)
    // Of a cluster that has changed its keys: the server sends what leads from the old ones to them.
    if (judge().kind === 'refused' && bundleSerial > trust.serial) await readBundle(greeting, trust, signal)
    const verdict = judge()
    if (verdict.kind === 'refused') throw untrusted(verdict)
    return greeting
  } catch (error) {
    stream.destroy()
    throw error
  }
}

/** Says hello along with the choice of the protocol: saves a round trip. */
async function openWith(hello: Hello, connection: Connection, signal: AbortSignal): Promise<StreamDuplex> {
  const opening = { connection, protocol: REGISTRY_PROTOCOL, firstBytes: encodeRegistryMessage(hello) }
  try {
    return await openStream(opening, signal)
  } catch (error) {
    if (!(error instanceof UnsupportedProtocolError)) throw error
    const message = `what is there does not speak ${REGISTRY_PROTOCOL}: no tunnel server, or one that is older than this agent`
    throw new ServerRefusalError('unsupported-version', message)
  }
}

async function readWelcome(
  stream: StreamDuplex,
  { signal, saidAt }: { readonly signal: AbortSignal; readonly saidAt: number },
): Promise<Greeting> {
  const welcome = await readMessage(stream, signal)
  if (welcome?.type === 'refused') throw new ServerRefusalError(welcome.reason, welcome.message)
  if (welcome?.type !== 'welcome')
    throw new SessionEndedError('the server ended the session instead of a welcome')
  return { stream, welcome, rttMs: performance.now() - saidAt, pending: [] }
}

async function readBundle({ stream, pending }: Greeting, trust: Trust, signal: AbortSignal): Promise<void> {
  for (;;) {
    const message = await readMessage(stream, signal)
    if (message === undefined) return
    if (message.type !== 'bundle') {
      pending.push(message)
      continue
    }
    try {
      trust.adopt(message.bundle)
      return
    } catch (error) {
      if (error instanceof TrustError) throw new UntrustedServerError(error.reason, error.message)
      throw error
    }
  }
}

function untrusted({
  reason,
  message,
}: Extract<MembershipVerdict, { kind: 'refused' }>): UntrustedServerError {
  return new UntrustedServerError(reason, `the tunnel server is not believed: ${message}`)
}

/** The next message of a known type; `undefined` at the end of the stream. */
export async function readMessage(
  stream: StreamDuplex,
  signal: AbortSignal,
): Promise<RegistryMessage | undefined> {
  for (;;) {
    const frame = await readFrame(stream, REGISTRY_FRAMES, signal)
    if (frame === undefined) return undefined
    const message = decodeRegistryMessage(frame)
    if (message !== undefined) return message
  }
}
