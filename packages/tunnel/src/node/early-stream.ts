import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Connection } from '@libp2p/interface'
import { StreamResetError, UnsupportedProtocolError } from '../errors.ts'
import { muxerOf } from '../host/connection-parts.ts'
import type { Host } from '../host/host.ts'
import { MAX_STREAMS } from '../host/limits.ts'
import { StreamDuplex } from '../host/stream-duplex.ts'
import { encodeNegotiation, readNegotiation } from '../protocol/negotiation.ts'
import { abortable } from './abortable.ts'

interface Opening {
  readonly connection: Connection
  /** Told of what is sent and what comes, where an answer is due at once. */
  readonly liveness?: Pick<Host['liveness'], 'activity'>
  readonly protocol: string
  /** The first message of the protocol. */
  readonly firstBytes: Uint8Array
}

/**
 * Opens a stream and sends its first message along with the choice of the protocol: its answer comes after one round trip
 * instead of two. Resolves when the other side has taken the protocol, which its libp2p says by itself.
 *
 * @throws {UnsupportedProtocolError} when the other side does not speak it
 * @throws {StreamResetError | ProtocolError} when the stream was cut off. Rejects with the signal's reason when that
 *   aborts first.
 */
export async function openStream(opening: Opening, signal: AbortSignal): Promise<StreamDuplex> {
  const stream = await startStream(opening, signal)
  try {
    await readNegotiation(stream, opening.protocol, signal)
    return stream
  } catch (error) {
    stream.reset()
    if (!(error instanceof StreamResetError)) throw error
    // Where the connection ends, its streams do so first.
    await nextTurn()
    if (opening.connection.status !== 'open' || signal.aborted) throw error
  }
  // Whoever does not speak the protocol chokes on its first message, and may reset the stream before it says so.
  return await openPatiently(opening, signal)
}

async function startStream(opening: Opening, signal: AbortSignal): Promise<StreamDuplex> {
  const { connection, liveness, protocol, firstBytes } = opening
  const stream = await muxerOf(connection).createStream({ signal })
  stream.protocol = protocol
  const duplex = new StreamDuplex(stream, liveness?.activity(connection))
  // Errors reach whoever reads; one that comes later must not end the process before the owner listens.
  duplex.on('error', () => {})
  duplex.write(encodeNegotiation(protocol, firstBytes))
  return duplex
}

/** As libp2p does it: asks first. */
async function openPatiently(opening: Opening, signal: AbortSignal): Promise<StreamDuplex> {
  const { connection, liveness, protocol, firstBytes } = opening
  const closed = new AbortController()
  const close = (): void => closed.abort(new StreamResetError('the connection was closed'))
  connection.addEventListener('close', close)
  try {
    const asking = connection.newStream(protocol, {
      signal: AbortSignal.any([signal, closed.signal]),
      maxOutboundStreams: MAX_STREAMS,
    })
    // libp2p does not look at the signal in each of its steps.
    const stream = await abortable(asking, closed.signal)
    const duplex = new StreamDuplex(stream, liveness?.activity(connection))
    duplex.on('error', () => {})
    duplex.write(firstBytes)
    return duplex
  } catch (error) {
    if (error instanceof Error && error.name === 'UnsupportedProtocolError') {
      throw new UnsupportedProtocolError(protocol, { cause: error })
    }
    throw error
  } finally {
    connection.removeEventListener('close', close)
  }
}
