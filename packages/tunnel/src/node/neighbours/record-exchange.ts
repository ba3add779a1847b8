import type { Connection, Stream } from '@libp2p/interface'
import { ProtocolError } from '../../errors.ts'
import { StreamDuplex } from '../../host/stream-duplex.ts'
import { type Membership, readMembership } from '../../identity/membership.ts'
import type { Trust } from '../../identity/trust.ts'
import { readFrame } from '../../protocol/frames.ts'
import {
  decodeRecordMessage,
  encodeRecordMessage,
  RECORDS_FRAMES,
  RECORDS_PROTOCOL,
} from '../../protocol/records.ts'
import type { PeerBook } from '../../records/peer-book.ts'
import type { PeerRecord } from '../../records/peer-record.ts'
import { takeRecord } from '../../records/record-intake.ts'

export interface RecordExchangeDeps {
  readonly book: PeerBook
  /** `undefined` before this node was enrolled. */
  trust(): Trust | undefined
  /** What this node says of itself now. */
  own(): PeerRecord | undefined
  /** Of the node at the other end, once it is known; `undefined` when it is refused. */
  memberOf(connection: Connection): Promise<Membership | undefined>
}

/** Streams of this kind at a time, for each connection. */
export const RECORD_STREAMS = { maxInboundStreams: 2, maxOutboundStreams: 2 }

/**
 * Tells the remote of a connection this node's record, and takes in that of the remote.
 *
 * @returns false when the remote has none, or is no member
 * @throws {ProtocolError} when what comes can't be read, or is no record of the remote. Rejects when the stream is cut off, or
 *   with the signal's reason.
 */
export async function exchangeRecords(
  connection: Connection,
  deps: RecordExchangeDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const own = deps.own()
  if (own === undefined || (await deps.memberOf(connection)) === undefined) return false
  const { maxOutboundStreams } = RECORD_STREAMS
  const stream = new StreamDuplex(
    await connection.newStream(RECORDS_PROTOCOL, { signal, maxOutboundStreams }),
  )
  // Errors come by way of `readFrame`.
  stream.on('error', () => {})
  try {
    stream.end(encodeRecordMessage(own.wire))
    return await takeFrom(stream, { connection, deps, signal })
  } finally {
    stream.destroy()
  }
}

/** Serves a stream that a remote opened, until the signal aborts. Rejects like `exchangeRecords`. */
export async function answerRecords(
  libp2pStream: Stream,
  connection: Connection,
  { deps, signal }: { readonly deps: RecordExchangeDeps; readonly signal: AbortSignal },
): Promise<void> {
  const stream = new StreamDuplex(libp2pStream)
  stream.on('error', () => {})
  try {
    if ((await deps.memberOf(connection)) === undefined) throw new ProtocolError('the peer is no member')
    await takeFrom(stream, { connection, deps, signal })
    const own = deps.own()
    stream.end(own === undefined ? undefined : encodeRecordMessage(own.wire))
    // Until the remote has closed its side, too.
    stream.resume()
    signal.addEventListener('abort', () => stream.destroy())
  } catch (error) {
    stream.destroy()
    throw error
  }
}

async function takeFrom(
  stream: StreamDuplex,
  {
    connection,
    deps,
    signal,
  }: { readonly connection: Connection; readonly deps: RecordExchangeDeps; readonly signal: AbortSignal },
): Promise<boolean> {
  const frame = await readFrame(stream, RECORDS_FRAMES, signal)
  const trust = deps.trust()
  if (frame === undefined || trust === undefined) return false
  const wire = decodeRecordMessage(frame)
  const told = readMembership(wire.certificate).membership.peerId
  // What others say of others is not asked for here: the tunnel servers and the DHT have limits for that.
  if (told !== connection.remotePeer.toString())
    throw new ProtocolError(`the peer told the record of ${told}, expected its own`)
  const taken = takeRecord(wire, { trust, book: deps.book })
  if (taken.kind === 'refused') throw new ProtocolError(taken.message)
  return true
}
