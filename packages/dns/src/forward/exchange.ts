import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { connect } from 'node:net'
import { literalLookup } from '../literal-lookup.ts'
import { encodeFrame, FrameReader } from '../tcp-frames.ts'
import type { Upstream } from './upstream.ts'

const MAX_TCP_MESSAGE_BYTES = 65_535

/** One attempt at one upstream. */
export interface Exchange {
  readonly upstream: Upstream
  readonly message: Buffer
  /** Whether a message is the reply; all others are ignored, since anybody may have sent them. */
  isReply(message: Buffer): boolean
  readonly timeoutMs: number
  /** Ends the attempt as a failure. */
  readonly signal: AbortSignal
}

export type ExchangeFailure = 'timeout' | 'network' | 'aborted'

/** The reply, or why there is none. */
export type ExchangeOutcome = Buffer | ExchangeFailure

/**
 * Asks over UDP from a socket of its own: its port is random, and the kernel lets in only datagrams from the
 * upstream's address and port. Never rejects.
 */
export function exchangeUdp(exchange: Exchange): Promise<ExchangeOutcome> {
  return attempt(exchange, (finish) => {
    const { upstream, message } = exchange
    const socket: UdpSocket = createSocket({
      type: upstream.ip.includes(':') ? 'udp6' : 'udp4',
      lookup: literalLookup,
    })
    socket.on('error', () => finish('network'))
    socket.on('message', (reply, from) => {
      // Between bind and connect the socket is open to anybody.
      if (from.port === upstream.port && exchange.isReply(reply)) finish(reply)
    })
    // In two steps: a socket that fails to bind within `connect` holds its `close` back for ever.
    socket.on('listening', () => socket.connect(upstream.port, upstream.ip))
    socket.on('connect', () =>
      socket.send(message, (error) => {
        if (error !== null) finish('network')
      }),
    )
    socket.bind({ port: 0, exclusive: true })
    return () => socket.close()
  })
}

/** Asks over a TCP connection of its own. Never rejects. */
export function exchangeTcp(exchange: Exchange): Promise<ExchangeOutcome> {
  return attempt(exchange, (finish) => {
    const { upstream, message } = exchange
    const reader = new FrameReader(MAX_TCP_MESSAGE_BYTES)
    const socket = connect({ host: upstream.ip, port: upstream.port, noDelay: true })
    socket.on('error', () => finish('network'))
    socket.on('close', () => finish('network'))
    socket.on('data', (chunk: Buffer) => {
      const reply = reader.push(chunk)?.find((frame) => exchange.isReply(frame))
      if (reply !== undefined) finish(reply)
    })
    socket.write(encodeFrame(message))
    return () => socket.destroy()
  })
}

/** Runs `begin`, which returns how to close what it opened, until it finishes, the time is over or the signal aborts. */
async function attempt(
  { timeoutMs, signal }: Exchange,
  begin: (finish: (outcome: ExchangeOutcome) => void) => () => void,
): Promise<ExchangeOutcome> {
  if (signal.aborted) return 'aborted'
  const { promise, resolve } = Promise.withResolvers<ExchangeOutcome>()
  const timer = setTimeout(() => resolve('timeout'), timeoutMs)
  const abort = (): void => resolve('aborted')
  signal.addEventListener('abort', abort)
  const close = begin(resolve)
  try {
    return await promise
  } finally {
    close()
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}
