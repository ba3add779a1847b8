import type { ResponderMetrics } from '../../metrics.ts'
import type { Responder } from '../../responder.ts'
import type { RateLimit } from '../rate-limit.ts'

/** Answers datagrams at one address. An answer from memory leaves in the turn that its query is read in. */
export interface UdpListener {
  /** Where it listens; the one that the kernel has chosen for 0. */
  readonly port: number
  /** Takes no more queries; resolves when those that wait for upstreams are answered. */
  drain(): Promise<void>
  /** Answers that come later are lost. May happen twice. */
  close(): void
}

export interface UdpListenerDeps {
  readonly responder: Pick<Responder, 'respond' | 'truncate'>
  /** Bounds the answers per client. */
  readonly limit: Pick<RateLimit, 'take'>
  readonly metrics: Pick<ResponderMetrics, 'dropped'>
  onFatal(error: Error): void
}

/** How datagrams are read and sent. */
export interface UdpEngine {
  readonly name: 'batch' | 'dgram'
  /** Rejects with the system's error, whose `code` says why, when the address can't be bound. */
  listen(address: string, port: number, deps: UdpListenerDeps): Promise<UdpListener>
}

/** The answer to a datagram, as far as its client may have one. HOT PATH. */
export function answerTo(
  message: Buffer,
  clientIp: string,
  { responder, limit }: UdpListenerDeps,
): ReturnType<Responder['respond']> {
  const verdict = limit.take(clientIp)
  if (verdict === 'drop') return undefined
  if (verdict === 'truncate') return responder.truncate(message)
  return responder.respond(message, { transport: 'udp', clientIp })
}
