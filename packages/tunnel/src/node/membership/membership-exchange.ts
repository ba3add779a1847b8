import type { Connection } from '@libp2p/interface'
import { ProtocolError, TrustError } from '../../errors.ts'
import { StreamDuplex } from '../../host/stream-duplex.ts'
import type { Membership, MembershipVerdict } from '../../identity/membership.ts'
import type { Trust } from '../../identity/trust.ts'
import { readFrame } from '../../protocol/frames.ts'
import {
  decodeMembershipMessage,
  encodeMembershipMessage,
  MEMBERSHIP_FRAMES,
  MEMBERSHIP_PROTOCOL,
  MEMBERSHIP_VERSION,
  type MembershipMessage,
  type RefusedMessage,
} from '../../protocol/membership.ts'
import type { NodeIdentity } from './node-identity.ts'

/** What came out of an exchange. `isTold`: the remote knows the reason. */
export type AskedVerdict =
  | { readonly kind: 'member'; readonly membership: Membership; readonly certificate: string }
  | (Extract<MembershipVerdict, { kind: 'refused' }> & { readonly isTold: boolean })

/** Streams of this kind at a time, for each connection: one to ask, one to be refused by. */
export const MEMBERSHIP_STREAMS = { maxInboundStreams: 4, maxOutboundStreams: 4 }

/** The remote of a connection that is to be closed has so long to read why. */
const LINGER_MS = 1_000

/**
 * Asks the remote of a connection for its certificate, judges that, and tells it the verdict.
 *
 * Rejects when no answer came in time, or none that can be read.
 */
export async function askMembership(
  connection: Connection,
  identity: NodeIdentity,
  signal: AbortSignal,
): Promise<AskedVerdict> {
  const { trust } = identity
  if (trust === undefined) return NOT_ENROLLED
  const stream = await openStream(connection, signal)
  if (stream === undefined) return TOO_OLD
  try {
    stream.write(
      encodeMembershipMessage({ type: 'ask', version: MEMBERSHIP_VERSION, bundleSerial: trust.serial }),
    )
    const answer = await readMessage(stream, signal)
    if (answer.type !== 'member') throw new ProtocolError(`the peer answered ${answer.type}, expected member`)
    adopt(trust, answer.bundle)
    const peerId = connection.remotePeer.toString()
    const verdict = trust.judge(answer.certificate, { peerId, role: 'agent' })
    stream.end(encodeMembershipMessage(verdictMessage(verdict, trust, answer.bundleSerial)))
    if (verdict.kind === 'member') {
      void closed(stream)
      return { ...verdict, certificate: answer.certificate }
    }
    await closed(stream)
    return { ...verdict, isTold: true }
  } catch (error) {
    stream.destroy()
    throw error
  }
}

/**
 * Serves a stream that the remote opened.
 *
 * @returns why the remote refuses this node; `undefined` when it doesn't
 */
export async function answerMembership(
  stream: StreamDuplex,
  identity: NodeIdentity,
  signal: AbortSignal,
): Promise<RefusedMessage | undefined> {
  const { trust } = identity
  const first = await readMessage(stream, signal)
  if (first.type === 'refused') return first
  if (first.type !== 'ask') throw new ProtocolError(`the peer sent ${first.type}, expected ask or refused`)
  const serial = trust?.serial ?? 0
  const bundle = serial > first.bundleSerial ? (trust?.bundle ?? '') : ''
  const certificate = identity.certificate ?? ''
  stream.write(encodeMembershipMessage({ type: 'member', certificate, bundleSerial: serial, bundle }))
  const verdict = await readMessage(stream, signal)
  stream.end()
  if (verdict.type === 'refused') return verdict
  if (verdict.type === 'ok' && trust !== undefined) adopt(trust, verdict.bundle)
  return undefined
}

/** Tells the remote why the connection is closed now. Never rejects. */
export async function tellRefused(
  connection: Connection,
  refusal: Omit<RefusedMessage, 'type'>,
  signal: AbortSignal,
): Promise<void> {
  try {
    const stream = await openStream(connection, signal)
    stream?.end(encodeMembershipMessage({ type: 'refused', ...refusal }))
    if (stream !== undefined) await closed(stream)
  } catch {
    // The remote does not get to know why; it is refused all the same.
  }
}

function verdictMessage(verdict: MembershipVerdict, trust: Trust, theirSerial: number): MembershipMessage {
  if (verdict.kind === 'refused') return { type: 'refused', reason: verdict.reason, message: verdict.message }
  return { type: 'ok', bundle: trust.serial > theirSerial ? (trust.bundle ?? '') : '' }
}

/** `undefined` where the remote does not know the protocol. */
async function openStream(connection: Connection, signal: AbortSignal): Promise<StreamDuplex | undefined> {
  const { maxOutboundStreams } = MEMBERSHIP_STREAMS
  try {
    const stream = new StreamDuplex(
      await connection.newStream(MEMBERSHIP_PROTOCOL, { signal, maxOutboundStreams }),
    )
    // Errors reach the caller by way of `readFrame`.
    stream.on('error', () => {})
    return stream
  } catch (error) {
    if (error instanceof Error && error.name === 'UnsupportedProtocolError') return undefined
    throw error
  }
}

async function readMessage(stream: StreamDuplex, signal: AbortSignal): Promise<MembershipMessage> {
  const frame = await readFrame(stream, MEMBERSHIP_FRAMES, signal)
  if (frame === undefined) throw new ProtocolError('the peer ended the exchange about membership')
  return decodeMembershipMessage(frame)
}

/** Gives the remote time to read what was said and to close its side, then lets go of the stream. */
async function closed(stream: StreamDuplex): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, LINGER_MS)
  stream.once('close', resolve).once('end', resolve).resume()
  await promise
  clearTimeout(timer)
  stream.destroy()
}

/** What another node knows is worth a look, no more. */
function adopt(trust: Trust, bundle: string): void {
  if (bundle === '') return
  try {
    trust.adopt(bundle)
  } catch (error) {
    if (!(error instanceof TrustError)) throw error
  }
}

const NOT_ENROLLED: AskedVerdict = {
  kind: 'refused',
  reason: 'unknown-signer',
  message: 'this node belongs to no cluster yet, so it can judge nobody',
  isTold: false,
}
const TOO_OLD: AskedVerdict = {
  kind: 'refused',
  reason: 'no-certificate',
  message: `the peer does not speak ${MEMBERSHIP_PROTOCOL}: it is no agent, or one of an older version`,
  isTold: false,
}
