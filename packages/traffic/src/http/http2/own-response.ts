import type { ServerHttp2Stream } from 'node:http2'
import type { OwnStatus, Refusal } from './refusals.ts'

/** https://github.com/grpc/grpc/blob/master/doc/statuscodes.md */
const GRPC_STATUSES: Readonly<Record<OwnStatus, string>> = {
  /** INTERNAL */
  400: '13',
  /** UNIMPLEMENTED */
  405: '12',
  /** UNAVAILABLE: a client may try again. */
  502: '14',
  503: '14',
  /** DEADLINE_EXCEEDED */
  504: '4',
}

/** @returns the status of gRPC that stands for it */
export function grpcStatusOf(status: OwnStatus): string {
  return GRPC_STATUSES[status]
}

export type GrpcTrailers = Readonly<Record<'grpc-status' | 'grpc-message', string>>

/** Answers a request that no endpoint answered; a client that has not sent all of its body is told to stop (RFC 9113, 8.1). */
export function respondHere(
  stream: ServerHttp2Stream,
  { method, isGrpc }: { readonly method: string; readonly isGrpc: boolean },
  { status, sentence }: Pick<Refusal, 'status' | 'sentence'>,
): void {
  if (stream.closed || stream.destroyed) return
  if (isGrpc) stream.respond(trailersOnly(status, sentence), { endStream: true })
  else {
    const content = `${sentence}\n`
    stream.respond({
      ':status': status,
      'content-type': 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(content),
    })
    if (method !== 'HEAD') stream.end(content)
  }
}

/** How gRPC tells of a failure before the first message (PROTOCOL-HTTP2.md, `Trailers-Only`). */
function trailersOnly(status: OwnStatus, sentence: string): Record<string, string> {
  return {
    ':status': '200',
    'content-type': 'application/grpc',
    ...grpcTrailers({ status, sentence }),
  }
}

/** How a call of gRPC ends that was answered in part. */
export function grpcTrailers({ status, sentence }: Pick<Refusal, 'status' | 'sentence'>): GrpcTrailers {
  return { 'grpc-status': GRPC_STATUSES[status], 'grpc-message': percentEncoded(sentence) }
}

/** All but printable ASCII, and the percent sign, as `%XX` of UTF-8 (PROTOCOL-HTTP2.md, `Percent-Encoded`). */
function percentEncoded(text: string): string {
  return encodeURIComponent(text).replace(/%(2[0-46-9A-F]|3[A-F]|40|5[B-F]|60|7[B-E])/g, (encoded) =>
    decodeURIComponent(encoded),
  )
}
