import { connect, type Socket } from 'node:net'
import {
  ACK,
  END_STREAM,
  type Frame,
  FrameReader,
  frame,
  GOAWAY,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
} from './frames.ts'

/** Names of RFC 9113, 7. */
const CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
]

/** A connection of which each byte is the test's own. */
export class RawConnection implements AsyncDisposable {
  readonly frames: Frame[] = []
  isClosed = false
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  #changed = Promise.withResolvers<void>()
  #pings = 0

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true })
    this.#socket.on('data', (bytes: Buffer) => {
      this.frames.push(...this.#reader.read(bytes))
      this.#changed.resolve()
    })
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      this.isClosed = true
      this.#changed.resolve()
    })
  }

  write(...parts: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(parts))
  }

  /** Waits for a frame, or for the end of the connection. */
  async until(isThere: () => boolean): Promise<void> {
    while (!isThere() && !this.isClosed) {
      await this.#changed.promise
      this.#changed = Promise.withResolvers()
    }
  }

  /** All that was written before has been looked at, and what there was to say to it has been said. */
  async roundTrips(count: number): Promise<void> {
    for (let trip = 0; trip < count; trip++) {
      this.#pings++
      const payload = Buffer.alloc(8, this.#pings)
      this.write(frame(PING, 0, 0, payload))
      await this.until(() => this.frames.some(({ type, payload: p }) => type === PING && p.equals(payload)))
    }
  }

  hasSettingsAck(): boolean {
    return this.frames.some(({ type, flags }) => type === SETTINGS && (flags & ACK) !== 0)
  }

  isAnswered(stream: number): boolean {
    return this.frames.some((f) => f.stream === stream && f.type === HEADERS) && this.hasEnded(stream)
  }

  hasEnded(stream: number): boolean {
    return this.frames.some((f) => f.stream === stream && f.type <= HEADERS && (f.flags & END_STREAM) !== 0)
  }

  /** In one word and the code: what the other side made of it. */
  get verdict(): string {
    const goaway = this.frames.find(({ type }) => type === GOAWAY)
    if (goaway !== undefined) return `GOAWAY ${CODES[goaway.payload.readUInt32BE(4)]}`
    const reset = this.frames.find(({ type }) => type === RST_STREAM)
    if (reset !== undefined) return `RST_STREAM ${CODES[reset.payload.readUInt32BE()]}`
    if (this.isClosed) return 'closed'
    return this.frames.some(({ type }) => type === HEADERS) ? 'answered' : 'ignored'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy()
    await this.until(() => false)
  }
}
