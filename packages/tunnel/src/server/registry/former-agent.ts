import { type Logger, limitedWarn } from '@edgeway/core'
import type { Connection, Stream } from '@libp2p/interface'
import { closeConnection } from '../../host/connections.ts'
import { endWith } from '../../host/linger.ts'
import { StreamDuplex } from '../../host/stream-duplex.ts'
import type { ServerMetrics } from '../../metrics.ts'
import { encodeFrame, type FrameFormat, readFrame } from '../../protocol/frames.ts'

/** The registry protocol of agents before membership certificates. It lives on to tell them that they are too old. */
export const FORMER_REGISTRY_PROTOCOL = '/edgeway/registry/1.0.0'

const FORMER_FRAMES: FrameFormat = { prefixBytes: 4, maxBytes: 16 * 1024 }

const MESSAGE =
  'this tunnel server needs agents with membership certificates (registry version 2): update the agent, and give it a new join token (edgeway2)'

const REFUSAL = encodeFrame(
  FORMER_FRAMES,
  Buffer.from(JSON.stringify({ type: 'refused', reason: 'unsupported-version', message: MESSAGE })),
)

/** Answers old agents in the form that they understand, and closes their connections. */
export class FormerAgents {
  readonly #timeoutMs: number
  readonly #metrics: ServerMetrics
  readonly #logger: Logger
  readonly #warn: Logger['warn']

  constructor({ timeoutMs, metrics, logger }: { timeoutMs: number; metrics: ServerMetrics; logger: Logger }) {
    this.#timeoutMs = timeoutMs
    this.#metrics = metrics
    this.#logger = logger
    this.#warn = limitedWarn(logger)
  }

  /** Serves one stream. Never rejects. */
  async refuse(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString()
    const duplex = new StreamDuplex(stream)
    duplex.on('error', (error) => this.#logger.debug('the stream of an old agent failed', { peer, error }))
    try {
      // Its join; an answer before that might be over before the agent listens.
      await readFrame(duplex, FORMER_FRAMES, AbortSignal.timeout(this.#timeoutMs))
      this.#metrics.refusals.add({ reason: 'unsupported-version' })
      const address = connection.remoteAddr.toString()
      this.#warn('refused an agent of an older version', { reason: 'unsupported-version', peer, address })
      await endWith(duplex, REFUSAL)
    } catch (error) {
      this.#logger.debug('an old agent went away', { peer, error })
    }
    duplex.destroy()
    await closeConnection(connection)
  }
}
