import { randomInt } from 'node:crypto'
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { literalLookup } from '../listen/literal-lookup.ts'
import type { Upstream } from './upstream.ts'

/**
 * What a message from an upstream is to a query of ours: its reply; its reply but for the case of the question's name,
 * as forged ones and those of some upstreams are; or a stranger's.
 */
export type Match = 'reply' | 'other-case' | 'stranger'

/** One attempt at one upstream. */
export interface Exchange {
  readonly upstream: Upstream
  /** The query; each attempt is made under a random id of its own. */
  readonly message: Buffer
  /** What `message` is to the query `sent`; strangers' are ignored, since anybody may have sent them. */
  match(sent: Buffer, message: Buffer): Match
  readonly timeoutMs: number
  /** Ends the attempt as a failure. */
  readonly signal: AbortSignal
}

export type ExchangeFailure = 'timeout' | 'network' | 'aborted'

/** The reply, or why there is none. */
export type ExchangeOutcome = Buffer | ExchangeFailure

/** `other-case`: somebody knows the id and the port, but not the case of the name. */
export type UdpOutcome = ExchangeOutcome | 'other-case'

/**
 * Asks over UDP from a socket of its own: its port is random, and the kernel lets in only datagrams from the
 * upstream's address and port. Never rejects.
 */
export function exchangeUdp(exchange: Exchange): Promise<UdpOutcome> {
  return attempt<UdpOutcome>(exchange, (finish) => {
    const { upstream } = exchange
    const message = withId(exchange.message, randomInt(0x1_0000))
    const socket: UdpSocket = createSocket({
      type: upstream.ip.includes(':') ? 'udp6' : 'udp4',
      lookup: literalLookup,
    })
    socket.on('error', () => finish('network'))
    socket.on('message', (reply, from) => {
      // Between bind and connect the socket is open to anybody.
      if (from.port !== upstream.port) return
      const match = exchange.match(message, reply)
      if (match !== 'stranger') finish(match === 'reply' ? reply : match)
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

/** `message` under another id. */
export function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message)
  copy.writeUInt16BE(id, 0)
  return copy
}

/** Runs `begin`, which returns how to close what it opened, until it finishes, the time is over or the signal aborts. */
export async function attempt<Outcome>(
  { timeoutMs, signal }: Pick<Exchange, 'timeoutMs' | 'signal'>,
  begin: (finish: (outcome: Outcome | ExchangeFailure) => void) => () => void,
): Promise<Outcome | ExchangeFailure> {
  if (signal.aborted) return 'aborted'
  const { promise, resolve } = Promise.withResolvers<Outcome | ExchangeFailure>()
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
