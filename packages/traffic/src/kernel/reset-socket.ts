import type { Socket } from 'node:net'

/**
 * Resets a TCP connection (RST) instead of ending it. Safe in every state of the socket.
 *
 * A reset while libuv is shutting the socket down fails with EINVAL, and Node then leaks the open descriptor. A
 * shutdown that has begun ends within a turn of the event loop, so the reset waits for it.
 */
export function resetSocket(socket: Socket): void {
  const isShuttingDown = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0
  if (isShuttingDown && !socket.destroyed) socket.once('finish', () => socket.resetAndDestroy())
  else socket.resetAndDestroy()
}
