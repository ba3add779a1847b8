import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'

export interface UdpServer {
  readonly ip: string
  readonly port: number
}

export interface Question<T> {
  /** `undefined` for datagrams that are no answer to it: they are passed over. */
  parse(message: Buffer, from: RemoteInfo): T | undefined
  readonly signal: AbortSignal
}

interface Schedule {
  /** Datagrams get lost: asked at these times after the start. */
  readonly sendAtMs: readonly number[]
  /** After the start. */
  readonly endAtMs: number
  send(socket: Socket): void
  /** Makes the socket ready. */
  open(socket: Socket): Promise<unknown>
}

/** As RFC 6886 section 3.1 wants it, but with 4 attempts instead of 9: the router is one hop away. */
const UNICAST = { sendAtMs: [0, 250, 750, 1_750], endAtMs: 3_750 }

/**
 * Asks one server. The socket is connected, so the kernel drops what others send.
 *
 * @returns `undefined` when there is no answer, or the server's host says that nobody listens
 * @throws the signal's reason, when it aborts
 */
export function exchange<T>(
  { ip, port }: UdpServer,
  { message, ...question }: Question<T> & { readonly message: Buffer },
): Promise<T | undefined> {
  return firstAnswer(question, {
    ...UNICAST,
    // What the network refuses is told by the event 'error', or shows as silence.
    send: (socket) => socket.send(message, () => undefined),
    open: async (socket) => {
      socket.connect(port, ip)
      await once(socket, 'connect')
    },
  })
}

/**
 * Asks as the schedule says until there is an answer.
 *
 * @returns `undefined` when there is none in time, or the network refuses
 * @throws the signal's reason, when it aborts
 */
export async function firstAnswer<T>(
  { parse, signal }: Question<T>,
  schedule: Schedule,
): Promise<T | undefined> {
  signal.throwIfAborted()
  const socket = createSocket('udp4')
  const { promise, resolve, reject } = Promise.withResolvers<T | undefined>()
  socket.on('error', () => resolve(undefined))
  socket.on('message', (message, from) => {
    const answer = parse(message, from)
    if (answer !== undefined) resolve(answer)
  })
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  const timers = [setTimeout(resolve, schedule.endAtMs, undefined)]
  try {
    await Promise.race([schedule.open(socket), promise])
    for (const atMs of schedule.sendAtMs) timers.push(setTimeout(() => schedule.send(socket), atMs))
    return await promise
  } catch {
    signal.throwIfAborted()
    // The address or the way has just gone.
    return undefined
  } finally {
    signal.removeEventListener('abort', abort)
    for (const timer of timers) clearTimeout(timer)
    socket.close()
  }
}

/** The IP address by which this host would talk to that one; sends nothing. `undefined` where there is no way. */
export async function localAddressTo({ ip }: { readonly ip: string }): Promise<string | undefined> {
  const socket = createSocket('udp4')
  try {
    // Any port does.
    socket.connect(9, ip)
    await once(socket, 'connect')
    return socket.address().address
  } catch {
    return undefined
  } finally {
    socket.close()
  }
}
