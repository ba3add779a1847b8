import { connect } from 'node:net'
import type { Mapping } from '../../nat-type.ts'
import type { CallBackOutcome } from '../../protocol/reflection.ts'
import { cutSocket } from '../../sockets.ts'

/** What the other side's host, or a router before it, says to a connection that it does not want: a reset, or an ICMP error. */
const REFUSALS = new Set(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'EACCES', 'EPROTO'])

interface Call {
  readonly to: Mapping
  /** The address of this host that the asker knows; the port is a fresh one. */
  readonly from: string
}

/** A call that was made; it is ended by its disposal. */
export interface MadeCall extends Disposable {
  /** `undefined` when this host could not make the call. */
  readonly outcome: CallBackOutcome | undefined
}

/**
 * Connects to an address that has connected to this host, from a port that it never sent anything to.
 *
 * Rejects with the signal's reason when that aborts first.
 */
export async function callBack(
  { to, from }: Call,
  { callBackMs, signal }: { readonly callBackMs: number; readonly signal: AbortSignal },
): Promise<MadeCall> {
  signal.throwIfAborted()
  const socket = connect({ host: to.ip, port: to.port, localAddress: from })
  const done = Promise.withResolvers<CallBackOutcome | undefined>()
  const timer = setTimeout(() => done.resolve('timeout'), callBackMs)
  const abort = (): void => done.reject(signal.reason)
  signal.addEventListener('abort', abort)
  socket.on('connect', () => done.resolve('connected'))
  socket.on('error', (error) => done.resolve(outcomeOf(error)))
  const end = (): void => cutSocket(socket)
  try {
    return { outcome: await done.promise, [Symbol.dispose]: end }
  } catch (error) {
    end()
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

function outcomeOf(error: NodeJS.ErrnoException): CallBackOutcome | undefined {
  if (error.code === 'ETIMEDOUT') return 'timeout'
  return REFUSALS.has(error.code ?? '') ? 'refused' : undefined
}
