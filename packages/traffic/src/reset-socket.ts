import type { Socket } from 'node:net'

/**
 * Resets a TCP connection (RST) instead of ending it. Safe in every state of the socket.
 *
 * libuv x
 * shutdown that has begun ends within a turn of the event loop, so the reset waits for it.
 */
export function resetSocket(socket: Socket): void {
  const shuttingDown = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0
  if (shuttingDown) socket.once('finish', () => socket.resetAndDestroy())
  else socket.resetAndDestroy()
}
