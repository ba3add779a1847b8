import type { Socket } from 'node:net'
import { ProtocolError } from '../../errors.ts'
import type { Mapping } from '../../nat-type.ts'
import { readFrame } from '../../protocol/frames.ts'
import {
  type CallBackOutcome,
  decodeReflectionMessage,
  encodeReflectionMessage,
  REFLECTION_FRAMES,
  REFLECTION_VERSION,
} from '../../protocol/reflection.ts'
import { cutSocket, plainIp } from '../../sockets.ts'
import { callBack } from './call-back.ts'

export interface ReflectionLimits {
  /** How long a connection may stay. */
  readonly connectionMs: number
  /** For the asker's side to answer a call-back. */
  readonly callBackMs: number
}

interface ReflectionDeps {
  readonly limits: ReflectionLimits
  /** Aborted when the reflector stops. */
  readonly stopped: AbortSignal
  calledBack(outcome: CallBackOutcome): void
}

/** Serves one connection until its time is up, or the asker has closed it. Never rejects. */
export async function serveReflection(socket: Socket, deps: ReflectionDeps): Promise<void> {
  const ended = new AbortController()
  const end = (): void => ended.abort()
  const timer = setTimeout(end, deps.limits.connectionMs)
  deps.stopped.addEventListener('abort', end)
  socket.once('close', end)
  try {
    await talk(socket, ended.signal, deps)
  } catch {
    // The asker has gone, has broken the protocol, or has had its time: there is nobody to tell.
  } finally {
    clearTimeout(timer)
    deps.stopped.removeEventListener('abort', end)
    ended.abort()
    // The side that closes would keep the connection in TIME_WAIT otherwise.
    cutSocket(socket)
  }
}

/** Settles when the connection is to be ended. */
async function talk(socket: Socket, signal: AbortSignal, deps: ReflectionDeps): Promise<void> {
  const mapping = mappingOf(socket)
  socket.write(encodeReflectionMessage({ type: 'you', version: REFLECTION_VERSION, mapping }))
  await untilAskedToCall(socket, signal)
  using call = await callBack(
    { to: mapping, from: plainIp(socket.localAddress ?? '') },
    { ...deps.limits, signal },
  )
  // What this host could not even send says nothing of the asker's NAT.
  if (call.outcome === undefined) return
  deps.calledBack(call.outcome)
  socket.write(encodeReflectionMessage({ type: 'called-back', outcome: call.outcome }))
  // The call lasts as long as this connection: had its last packet of the handshake been lost, the asker would not see it.
  await readFrame(socket, REFLECTION_FRAMES, signal)
}

async function untilAskedToCall(socket: Socket, signal: AbortSignal): Promise<void> {
  const frame = await readFrame(socket, REFLECTION_FRAMES, signal)
  if (frame === undefined) throw new ProtocolError('the asker has closed the connection')
  const { type } = decodeReflectionMessage(frame)
  if (type !== 'call-back') throw new ProtocolError(`expected call-back, not ${type}`)
}

/** Where the connection comes from. */
function mappingOf({ remoteAddress, remotePort }: Socket): Mapping {
  if (remoteAddress === undefined || remotePort === undefined)
    throw new ProtocolError('the asker has gone already')
  return { ip: plainIp(remoteAddress), port: remotePort }
}
