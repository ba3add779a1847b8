import { connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'

export interface Place {
  readonly ip: string
  readonly port: number
  /** The address to call from. */
  readonly from: string
}

export interface Answer {
  /** Latin-1. */
  readonly text: string
  /** How the connection ended: by its end, by a reset, or not at all within the time. */
  readonly end: 'closed' | 'reset' | 'hung'
}

const DEADLINE_MS = 10_000

export interface Message {
  readonly pieces: readonly string[]
  /** The client ends its half at once. */
  readonly isCut: boolean
  /** After so many final responses the client ends its half, as nothing else can come. */
  readonly most: number
}

/** Says that on a connection of its own, and reads until it ends. */
export async function call(place: Place, { pieces, isCut, most }: Message): Promise<Answer> {
  const socket = connect({
    host: place.ip,
    port: place.port,
    localAddress: place.from,
    noDelay: true,
    allowHalfOpen: true,
  })
  const answer = answerOf(socket, most)
  for (const piece of pieces) {
    socket.write(piece, 'latin1')
    // A turn of the loop lets each piece go as a packet of its own.
    if (pieces.length > 1) await turn()
  }
  if (isCut) socket.end()
  return await answer
}

function answerOf(socket: Socket, most: number): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  let text = ''
  let end: Answer['end'] = 'closed'
  const deadline = setTimeout(() => {
    end = 'hung'
    socket.destroy()
  }, DEADLINE_MS)
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
    if (!socket.writableEnded && finalStatuses(text).length >= most) socket.end()
  })
  socket.on('end', () => socket.end())
  socket.on('error', () => {
    end = 'reset'
  })
  socket.on('close', () => {
    clearTimeout(deadline)
    resolve({ text, end })
  })
  return promise
}

/** Statuses of the responses in what came, without those of 1xx but for 101. */
export function finalStatuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.[01] (\d{3})/g)]
    .map(([, digits]) => Number(digits))
    .filter((status) => status >= 200 || status === 101)
}
