import type { Socket } from 'node:net'

/** Bytes that a peer does not read may wait before the shutdown, unseen by Node. */
const MAX_SHUTDOWN_MS = 1_000

/**
 * Resets a TCP connection (RST) instead of ending it. Safe in every state of the socket.
 *
 * A reset while libuv is shutting the socket down fails with EINVAL, and Node then leaks the open descriptor. A
 * shutdown that has begun ends within a turn of the event loop as a rule, so the reset waits for it; else the socket is closed.
 */
export function resetSocket(socket: Socket): void {
  const isShuttingDown = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0
  if (!isShuttingDown || socket.destroyed) {
    socket.resetAndDestroy()
    return
  }
  const late = setTimeout(() => socket.destroy(), MAX_SHUTDOWN_MS)
  socket.once('finish', () => socket.resetAndDestroy()).once('close', () => clearTimeout(late))
}
