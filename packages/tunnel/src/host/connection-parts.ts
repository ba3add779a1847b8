import type { Connection, MessageStream, Stream } from '@libp2p/interface'

/**
 * What js-libp2p 3.3 keeps beside the interface of a connection: its multiplexer, and the transport under the encryption.
 * Everything here is looked for at run time, so that another version fails in words and not by chance.
 */

/** Yamux as the mesh uses it. */
export interface Muxer {
  /** A stream without a protocol: what is sent first has to choose one. */
  createStream(options: { signal: AbortSignal }): Promise<Stream>
  /**
   * Asks the other side for a sign of life: 12 bytes each way, before encryption, answered by its multiplexer. One question at a
   * time: while one is open, others join it. It takes no signal: yamux ends the connection for the answer to a question
   * that was given up.
   */
  ping(): Promise<number>
  sendFrame(header: { type: number; flag: number; streamID: number; length: number }): unknown
}

/** The bytes as they come from the network, or from the relay; `writableNeedsDrain` while bytes wait for it. */
export type Transport = Pick<MessageStream, 'addEventListener' | 'removeEventListener' | 'writableNeedsDrain'>

/** @throws {TypeError} when libp2p hides it */
export function muxerOf(connection: Connection): Muxer {
  const muxer = 'muxer' in connection ? connection.muxer : undefined
  if (isMuxer(muxer)) return muxer
  throw new TypeError('libp2p hides the multiplexer of a connection')
}

/** @throws {TypeError} when libp2p hides it */
export function transportOf(connection: Connection): Transport {
  const transport = 'maConn' in connection ? connection.maConn : undefined
  if (isTransport(transport)) return transport
  throw new TypeError('libp2p hides the transport of a connection')
}

/** The IP address of this host that a connection is bound to; `undefined` where a relay is in between. */
export function localIpOf(connection: Connection): string | undefined {
  const transport = 'maConn' in connection ? connection.maConn : undefined
  if (!isObject(transport) || !isObject(transport['socket'])) return undefined
  const { localAddress } = transport['socket']
  return typeof localAddress === 'string' ? localAddress.replace(/^::ffff:/, '') : undefined
}

/** The file descriptor of a connection's own TCP socket; `undefined` where there is none, or it is closed. */
export function socketFdOf(connection: Connection): number | undefined {
  const transport = 'maConn' in connection ? connection.maConn : undefined
  if (connection.status !== 'open' || !isObject(transport) || !isObject(transport['socket'])) return undefined
  const handle = transport['socket']['_handle']
  const fd = isObject(handle) ? handle['fd'] : undefined
  return typeof fd === 'number' && fd >= 0 ? fd : undefined
}

/** Calls `listener` for each stream that the other side opens. */
export function onInboundStream(connection: Connection, listener: () => void): void {
  const muxer = 'muxer' in connection ? connection.muxer : undefined
  if (muxer instanceof EventTarget) muxer.addEventListener('stream', listener)
}

/** The PeerId of the relay that a connection goes through; `undefined` for one without a relay. */
export function relayOf({
  direct,
  remoteAddr,
}: Pick<Connection, 'direct' | 'remoteAddr'>): string | undefined {
  if (direct) return undefined
  return /\/p2p\/([^/]+)\/p2p-circuit/.exec(remoteAddr.toString())?.[1]
}

const punched = new WeakSet<object>()

/** Remembers that this transport goes through a hole in NATs: nothing of the addresses tells it. */
export function markPunched(transport: MessageStream): void {
  punched.add(transport)
}

export function isPunched(connection: Connection): boolean {
  return 'maConn' in connection && isObject(connection.maConn) && punched.has(connection.maConn)
}

const WINDOW_UPDATE = 1

/**
 * Tells the other side that this one is there, in one frame that needs no answer: room for 0 more bytes on a stream.
 * A stream of that number need not exist.
 *
 * @see https://github.com/hashicorp/yamux/blob/master/spec.md, "Type Field"
 */
export function sendSignOfLife(muxer: Muxer): void {
  muxer.sendFrame({ type: WINDOW_UPDATE, flag: 0, streamID: 1, length: 0 })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isMuxer(value: unknown): value is Muxer {
  return (
    isObject(value) &&
    ['createStream', 'ping', 'sendFrame'].every((name) => typeof value[name] === 'function')
  )
}

function isTransport(value: unknown): value is Transport {
  return isObject(value) && typeof value['addEventListener'] === 'function'
}
