import type { MethodDefinition } from '@grpc/grpc-js'

function identity(bytes: Buffer): Buffer {
  return bytes
}

type Streams = Pick<MethodDefinition<Buffer, Buffer>, 'requestStream' | 'responseStream'>

function method(name: string, streams: Streams): MethodDefinition<Buffer, Buffer> {
  return {
    path: `/scenario.Scenario/${name}`,
    ...streams,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  }
}

const UNARY: Streams = { requestStream: false, responseStream: false }
const ANSWERS_STREAM: Streams = { requestStream: false, responseStream: true }

/** A gRPC service whose messages are bytes as they are, so that it needs no schema. */
export const SCENARIO = {
  /** Answers with the server's name. */
  name: method('Name', UNARY),
  /** Sends the message back. */
  echo: method('Echo', UNARY),
  /** Takes a number, sends so many messages, each its own number. */
  count: method('Count', ANSWERS_STREAM),
  /** Answers with how many messages and bytes came, as JSON `{messages, bytes}`. */
  collect: method('Collect', { requestStream: true, responseStream: false }),
  /** Sends each message back, and reads no further while the client does not take them. */
  talk: method('Talk', { requestStream: true, responseStream: true }),
  /** Sends one empty message, and never ends by itself. */
  hang: method('Hang', ANSWERS_STREAM),
  /** Answers with `ServerStatus` as JSON. */
  status: method('Status', UNARY),
} as const

/** What the server has seen so far. */
export interface ServerStatus {
  /** Messages of `talk`. */
  readonly talked: number
  /** Calls of `hang` that began, those of them with a deadline, and those that are over. */
  readonly hung: number
  readonly withDeadline: number
  readonly ended: number
}
