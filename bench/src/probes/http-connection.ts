import { once } from 'node:events'
import type { Socket } from 'node:net'

const REQUEST = 'GET / HTTP/1.1\r\nHost: bench\r\n\r\n'
const END_OF_HEAD = '\r\n\r\n'
const LENGTH = /\r\ncontent-length: *(\d+)\r\n/i
const MICROSECONDS_PER_MS = 1_000

/**
 * Sends a request on a connection, and resolves with the time until the whole response was there, in microseconds. For servers whose
 * response has a Content-Length.
 */
export async function requestOn(socket: Socket): Promise<number> {
  const startedAt = performance.now()
  socket.write(REQUEST)
  let text = ''
  do {
    const [chunk] = await once(socket, 'data')
    text += chunk.toString('latin1')
  } while (!isWhole(text))
  return (performance.now() - startedAt) * MICROSECONDS_PER_MS
}

function isWhole(text: string): boolean {
  const end = text.indexOf(END_OF_HEAD)
  return end !== -1 && text.length >= end + END_OF_HEAD.length + Number(LENGTH.exec(text)?.[1] ?? 0)
}
