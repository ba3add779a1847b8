import type { Server, Socket } from 'node:net'

/**
 * The file descriptor behind a socket; `undefined` once it is closed. Not public API of Node, but stable since Node 0.x;
 * nothing else tells it.
 */
export function descriptorOf(socket: Socket | Server): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  if (typeof handle !== 'object' || handle === null) return undefined
  const fd: unknown = Reflect.get(handle, 'fd')
  return typeof fd === 'number' && fd >= 0 ? fd : undefined
}
