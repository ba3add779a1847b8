import type { Socket } from 'node:net'
import { getSystemErrorName } from 'node:util'
import { type HandleBinding, type StreamHandle, UV_EOF } from '../relay/handle-binding.ts'

export interface TakenSocket {
  readonly socket: Socket
  readonly handle: StreamHandle
  /** What the handle reads into. */
  readonly into: Buffer
  /** Its end was read already. */
  readonly hasEnded: boolean
}

/**
 * Makes a socket a stream again whose handle was read below it: what comes is copied into the stream. Reading is stopped; the
 * socket starts it when somebody wants bytes.
 *
 * @see lib/internal/stream_base_commons.js of Node, onStreamRead: the same for a buffer of libuv's own
 */
export function giveBack({ socket, handle, into, hasEnded }: TakenSocket, binding: HandleBinding): void {
  const stop = (): void => {
    handle.reading = false
    handle.readStop()
  }
  handle.onread = () => {
    const count = binding.lastRead()
    if (count > 0) {
      if (!socket.destroyed && !socket.push(Buffer.from(into.subarray(0, count)))) stop()
    } else if (count === UV_EOF) endReading(socket)
    else if (count < 0) socket.destroy(new Error(`read ${getSystemErrorName(count)}`))
    return undefined
  }
  stop()
  if (hasEnded) endReading(socket)
  // The socket believes that a read is under way since the handle was taken: this ends it, and bytes may be asked for anew.
  else socket.push('')
}

function endReading(socket: Socket): void {
  socket.push(null)
  socket.read(0)
}
