import type { Socket } from 'node:net'
import { loadSocketOptions, type SocketOption } from '../src/kernel/socket-options.ts'

/** linux/in.h and linux/tcp.h */
const TCP_INFO: SocketOption = { level: 6, name: 11 }
/** Of `tcpi_segs_in` in `struct tcp_info`. */
const SEGS_IN = 140

/** TCP segments that a connection has received so far, with or without bytes. */
export async function segmentsReceived(socket: Socket): Promise<number> {
  const options = await loadSocketOptions()
  const info = options?.get(socket, TCP_INFO, SEGS_IN + 4)
  if (info === undefined) throw new Error('the kernel tells nothing of this connection')
  return info.readUInt32LE(SEGS_IN)
}
