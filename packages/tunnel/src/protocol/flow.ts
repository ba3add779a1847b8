import { isIP } from 'node:net'
import {
  DialError,
  type DialFailure,
  type DialTarget,
  type EndpointAddress,
  FLOW_REFUSALS,
  type FlowRefusal,
  type FlowRequest,
  type NodeName,
  PROTOCOLS,
  type ServicePortName,
} from '@edgeway/core'
import { ProtocolError } from '../errors.ts'
import { encodeFrame, type FrameFormat } from './frames.ts'
import { asObject, integerField, type JsonObject, parseJsonObject, textField } from './json.ts'

/**
 * One flow: a stream from the agent that dials to the agent of the Endpoint's node.
 *
 * ```
 *   dialling agent                                         agent of the Endpoint's node
 *     | -- {target: {node, ip, port, protocol}, service} -->  |
 *     | <-- {status: "ok"} ---------------------------------- |  the Endpoint is connected, or
 *     | <-- {status: <FlowRefusal>, reason}, end ------------ |
 *     | <====================== bytes =====================>  |
 *
 *   frame: u16 length | JSON object                           lengths are big endian, 1 to 4096
 * ```
 *
 * Bytes follow the answer, in the same message or later. For a TCP target they are those of the two TCP connections without
 * framing, and FIN and RST of the stream stand for theirs. For a UDP target they are datagrams, both ways:
 *
 * ```
 *   u16 length, 0 to 65527 | that many bytes                  one datagram; a zero-length one is one, too
 *   u16 65535                                                 mark for the dialling agent: the Endpoint's port is closed
 *   u16 65528 to 65534                                        marks of later versions: passed over
 * ```
 *
 * No datagram is that long, so marks have no payload. FIN ends a UDP session: nothing came for too long, or the mark came
 * just before. RST tells nothing of the Endpoint. Datagrams that the stream has no room for are dropped.
 *
 * Who asks is known from the connection, which is authenticated, not from the request.
 */
export const FLOW_PROTOCOL = '/edgeway/flow/1.0.0'

export const FLOW_FRAMES: FrameFormat = { prefixBytes: 2, maxBytes: 4096 }

const MAX_REASON_LENGTH = 500

/** `status` is not a FlowRefusal when the other agent is newer. */
export interface FlowAnswerMessage {
  readonly status: string
  readonly reason: string
}

/** What each refusal means to whoever dials. An Endpoint on another node may do, whatever is wrong with this one. */
const FAILURE_OF_REFUSAL: Readonly<Record<FlowRefusal, DialFailure>> = {
  'unsupported-version': 'rejected',
  'bad-request': 'rejected',
  starting: 'rejected',
  draining: 'rejected',
  'wrong-node': 'rejected',
  'unknown-target': 'rejected',
  'endpoint-refused': 'refused',
  'endpoint-timeout': 'timeout',
  'endpoint-unreachable': 'unreachable',
}

export function encodeFlowRequest({ endpoint, service }: DialTarget): Buffer {
  const { node, ip, port, protocol } = endpoint
  return encodeFrame(
    FLOW_FRAMES,
    Buffer.from(JSON.stringify({ target: { node, ip, port, protocol }, service })),
  )
}

/** @throws {ProtocolError} when a field is missing or malformed */
export function decodeFlowRequest(payload: Uint8Array): Omit<FlowRequest, 'from'> {
  const object = parseJsonObject(payload)
  const service = object['service'] === undefined ? undefined : textField(object, 'service', 1_000)
  return {
    target: targetOf(asObject(object['target'], 'field target')),
    service: service as ServicePortName | undefined,
  }
}

export function encodeFlowAnswer({ status, reason }: FlowAnswerMessage): Buffer {
  const answer = { status, reason: reason.slice(0, MAX_REASON_LENGTH) }
  return encodeFrame(FLOW_FRAMES, Buffer.from(JSON.stringify(answer)))
}

/** @throws {ProtocolError} when a field is missing or malformed */
export function decodeFlowAnswer(payload: Uint8Array): FlowAnswerMessage {
  const object = parseJsonObject(payload)
  return {
    status: textField(object, 'status', 100),
    reason: textField(object, 'reason', MAX_REASON_LENGTH),
  }
}

/** The refusal as the caller of the dialler sees it. An unknown status comes from a newer agent. */
export function toDialError(endpoint: EndpointAddress, { status, reason }: FlowAnswerMessage): DialError {
  const refusal = FLOW_REFUSALS.find((known) => known === status)
  const failure = refusal === undefined ? 'rejected' : FAILURE_OF_REFUSAL[refusal]
  return new DialError(endpoint, { failure, reason: `${status}: ${reason}` })
}

function targetOf(object: JsonObject): FlowRequest['target'] {
  const ip = textField(object, 'ip', 45)
  const port = integerField(object, 'port', 65_535)
  const protocol = PROTOCOLS.find((known) => known === object['protocol'])
  if (isIP(ip) === 0) throw new ProtocolError('field ip is not an IP address')
  if (port === 0) throw new ProtocolError('field port is 0')
  if (protocol === undefined) throw new ProtocolError('field protocol is unknown')
  return { node: textField(object, 'node', 253) as NodeName, ip, port, protocol }
}
