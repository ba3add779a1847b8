import type { Query } from '../message.ts'
import { CLASS_IN } from './codes.ts'
import { encodedName } from './encoded-name.ts'
import { FLAG, QUESTION_TAIL_BYTES } from './header.ts'

/** Large answers come over TCP (DNS flag day 2020). */
const UDP_PAYLOAD_BYTES = 1_232

/**
 * A query of our own.
 *
 * @param labels - each of 1 to 63 bytes of latin1 text, 254 bytes with their lengths at most
 * @param flags - of the header; RD alone unless said otherwise
 */
export function queryFor(labels: readonly string[], type: number, flags: number = FLAG.RD): Query {
  const tail = Buffer.alloc(QUESTION_TAIL_BYTES)
  tail.writeUInt16BE(type, 0)
  tail.writeUInt16BE(CLASS_IN, 2)
  return {
    id: 0,
    flags,
    labels,
    type,
    question: Buffer.concat([encodedName(labels), tail]),
    edns: { udpPayloadBytes: UDP_PAYLOAD_BYTES, isDnssecOk: false, version: 0 },
  }
}
