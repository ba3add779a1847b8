import type { Connection } from '@libp2p/interface'
import { ServerRefusalError, SessionEndedError, TrustError, UntrustedServerError } from '../../errors.ts'
import { StreamDuplex } from '../../host/stream-duplex.ts'
import type { MembershipVerdict } from '../../identity/membership.ts'
import type { Trust } from '../../identity/trust.ts'
import { readFrame } from '../../protocol/frames.ts'
import {
  decodeRegistryMessage,
  encodeRegistryMessage,
  REGISTRY_FRAMES,
  REGISTRY_PROTOCOL,
  REGISTRY_VERSION,
  type RegistryMessage,
  type Welcome,
} from '../../protocol/registry.ts'
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
  const stream = await openStream(connection, signal)
  try {
    const greeting = await sayHello(stream, trust, { signal, identity })
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

async function openStream(connection: Connection, signal: AbortSignal): Promise<StreamDuplex> {
  try {
    const stream = new StreamDuplex(await connection.newStream(REGISTRY_PROTOCOL, { signal }))
    // Errors reach the caller by way of `readFrame`.
    stream.on('error', () => {})
    return stream
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'UnsupportedProtocolError') throw error
    const message = `what is there does not speak ${REGISTRY_PROTOCOL}: no tunnel server, or one that is older than this agent`
    throw new ServerRefusalError('unsupported-version', message)
  }
}

async function sayHello(
  stream: StreamDuplex,
  trust: Trust,
  { signal, identity }: { readonly signal: AbortSignal; readonly identity: NodeIdentity },
): Promise<Greeting> {
  const saidAt = performance.now()
  const { certificate = '', instance } = identity
  const bundleSerial = trust.serial
  stream.write(
    encodeRegistryMessage({ type: 'hello', version: REGISTRY_VERSION, certificate, bundleSerial, instance }),
  )
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
