import type { Stream } from '@libp2p/interface'
import { ProtocolError } from '../../errors.ts'
import { StreamDuplex } from '../../host/stream-duplex.ts'
import { readFrame } from '../../protocol/frames.ts'
import {
  decodePunchMessage,
  encodePunchMessage,
  PUNCH_FRAMES,
  type PunchMessage,
  type PunchRefusal,
} from '../../protocol/punch.ts'

type OfType<Type extends PunchMessage['type']> = Extract<PunchMessage, { readonly type: Type }>

/** The other side has this long to close its half after the last message. */
const LINGER_MS = 2_000

/** The signalling between both sides of a punch, on one stream. */
export class PunchChannel {
  readonly #stream: StreamDuplex
  readonly #signal: AbortSignal

  /** @param signal - gives up what is being read */
  constructor(stream: Stream, signal: AbortSignal) {
    this.#stream = new StreamDuplex(stream)
    // Whoever reads is told.
    this.#stream.on('error', () => {})
    this.#signal = signal
  }

  /** What can't be sent any more is lost: whoever reads next is told why. */
  send(message: PunchMessage): void {
    if (!this.#stream.destroyed && !this.#stream.writableEnded)
      this.#stream.write(encodePunchMessage(message))
  }

  /**
   * Reads the next message, which has to be of one of the types.
   *
   * @returns `undefined` when the other side has ended the exchange
   * @throws {ProtocolError} when it is another one, or can't be read. Rejects with the stream's error, with the signal's reason, or
   *   with a TimeoutError.
   */
  async next<Type extends PunchMessage['type']>(
    types: readonly Type[],
    timeoutMs: number,
  ): Promise<OfType<Type> | undefined> {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(timeoutMs)])
    const frame = await readFrame(this.#stream, PUNCH_FRAMES, signal)
    if (frame === undefined) return undefined
    const message = decodePunchMessage(frame)
    if (isOneOf(message, types)) return message
    throw new ProtocolError(`the peer sent ${message.type}, expected ${types.join(' or ')}`)
  }

  /** As `next`, where the other side has to say something. */
  async read<Type extends PunchMessage['type']>(
    types: readonly Type[],
    timeoutMs: number,
  ): Promise<OfType<Type>> {
    const message = await this.next(types, timeoutMs)
    if (message === undefined) throw new ProtocolError('the peer ended the exchange')
    return message
  }

  refuse(reason: PunchRefusal, message: string): void {
    this.send({ type: 'refused', reason, message })
    this.end()
  }

  /** Ends the exchange in order: what was sent arrives. */
  end(): void {
    if (this.#stream.destroyed) return
    const timer = setTimeout(() => this.reset(), LINGER_MS)
    this.#stream.once('close', () => clearTimeout(timer))
    this.#stream.resume().end()
  }

  reset(): void {
    this.#stream.reset()
  }
}

function isOneOf<Type extends PunchMessage['type']>(
  message: PunchMessage,
  types: readonly Type[],
): message is OfType<Type> {
  return types.some((type) => type === message.type)
}
