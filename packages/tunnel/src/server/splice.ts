import type { Stream, StreamCloseEvent } from '@libp2p/interface'
import { StreamResetError } from '../errors.ts'
import { isRemoteFinished, PacedReader } from '../host/paced-reader.ts'

/** One side of a circuit. */
export interface CircuitEnd {
  readonly stream: Stream
  /** Called for each sign of life of the other side. */
  seen(): void
}

type End = CircuitEnd & { remoteFinished: boolean }

/**
 * Joins two libp2p streams until both are closed: bytes with back-pressure, half-close and reset kept apart. Hot path:
 * every relayed byte passes here, nothing is copied.
 *
 * @param count - called with the length of each piece
 */
export function splice(a: CircuitEnd, b: CircuitEnd, count: (bytes: number) => void): void {
  const [one, two] = [endOf(a), endOf(b)]
  forward(one, two, count)
  forward(two, one, count)
}

function endOf({ stream, seen }: CircuitEnd): End {
  return { stream, seen, remoteFinished: isRemoteFinished(stream) }
}

function forward(from: End, to: End, count: (bytes: number) => void): void {
  const reader = new PacedReader(from.stream, (bytes) => {
    from.seen()
    count(bytes.byteLength)
    try {
      return to.stream.send(bytes)
    } catch (error) {
      // Closed in between: nobody will get what `from` still sends.
      abort(from, error)
      return false
    }
  })
  to.stream.addEventListener('drain', () => {
    to.seen()
    // libp2p flushes its buffer in a microtask that it queued just before.
    queueMicrotask(() => {
      if (!to.stream.writableNeedsDrain) reader.more()
    })
  })
  from.stream.addEventListener('remoteCloseWrite', () => {
    from.remoteFinished = true
  })
  from.stream.addEventListener('end', () => {
    if (from.remoteFinished) finish(to)
  })
  from.stream.addEventListener('close', ({ error }: StreamCloseEvent) => {
    // Closed in order, `from` may still hold bytes that were not delivered: `end` follows them.
    if (error !== undefined || !from.remoteFinished) abort(to, error)
  })
  if (from.stream.readableEnded && from.remoteFinished) finish(to)
  else if (from.stream.status !== 'open') abort(to)
  else reader.more()
}

function finish(end: End): void {
  end.stream.close().catch((error: unknown) => abort(end, error))
}

function abort({ stream }: End, error?: unknown): void {
  stream.abort(error instanceof Error ? error : new StreamResetError())
}
