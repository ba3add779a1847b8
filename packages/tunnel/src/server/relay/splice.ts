import type { Stream, StreamCloseEvent } from '@libp2p/interface'
import { StreamResetError } from '../../errors.ts'
import { isRemoteFinished, PacedReader } from '../../host/paced-reader.ts'
import { type Bytes, Instalments } from './instalments.ts'

/** One side of a circuit. */
export interface CircuitEnd {
  readonly stream: Stream
  /** Called for each sign of life of the other side. */
  seen(): void
}

type End = CircuitEnd & { remoteFinished: boolean }

export interface SpliceOptions {
  /** Called with the length of each piece. */
  count(bytes: number): void
  /** How many milliseconds to read nothing more after so many bytes; absent where bandwidth is not limited. */
  readonly waitAfter: ((bytes: number) => number) | undefined
}

/**
 * Joins two libp2p streams until both are closed: bytes with back-pressure, half-close and reset kept apart. Hot path:
 * every relayed byte passes here, nothing is copied.
 */
export function splice(a: CircuitEnd, b: CircuitEnd, options: SpliceOptions): void {
  const [one, two] = [endOf(a), endOf(b)]
  forward(one, two, options)
  forward(two, one, options)
}

function endOf({ stream, seen }: CircuitEnd): End {
  return { stream, seen, remoteFinished: isRemoteFinished(stream) }
}

function forward(from: End, to: End, { count, waitAfter }: SpliceOptions): void {
  const send = (bytes: Bytes): boolean => {
    count(bytes.byteLength)
    try {
      return to.stream.send(bytes)
    } catch (error) {
      // Closed in between: nobody will get what `from` still sends.
      abort(from, error)
      return false
    }
  }
  const hasRoom = (): boolean => !to.stream.writableNeedsDrain
  const wantMore = (): void => reader.more()
  const instalments = waitAfter && new Instalments({ send, hasRoom, waitAfter, wantMore })
  const reader = new PacedReader(from.stream, (bytes) => {
    from.seen()
    if (instalments === undefined) return send(bytes)
    instalments.take(bytes)
    return false
  })
  to.stream.addEventListener('drain', () => {
    to.seen()
    // libp2p flushes its buffer in a microtask that it queued just before.
    queueMicrotask(() => {
      if (hasRoom()) (instalments ?? reader).more()
    })
  })
  to.stream.addEventListener('close', () => instalments?.[Symbol.dispose]())
  followEnd(from, to, instalments)
  if (from.stream.readableEnded && from.remoteFinished) finish(to)
  else if (from.stream.status !== 'open') abort(to)
  else reader.more()
}

/** FIN and RST go on as what they are, FIN behind all bytes. */
function followEnd(from: End, to: End, instalments: Instalments | undefined): void {
  from.stream.addEventListener('remoteCloseWrite', () => {
    from.remoteFinished = true
  })
  from.stream.addEventListener('end', () => {
    if (!from.remoteFinished) return
    if (instalments === undefined) finish(to)
    else instalments.afterLast(() => finish(to))
  })
  from.stream.addEventListener('close', ({ error }: StreamCloseEvent) => {
    // Closed in order, `from` may still hold bytes that were not delivered: `end` follows them.
    if (error !== undefined || !from.remoteFinished) abort(to, error)
  })
}

function finish(end: End): void {
  end.stream.close().catch((error: unknown) => abort(end, error))
}

function abort({ stream }: End, error?: unknown): void {
  stream.abort(error instanceof Error ? error : new StreamResetError())
}
