import type { Query } from '../message.ts'
import { lowerCaseAscii } from '../wire/ascii-case.ts'
import { FLAG, QUESTION_TAIL_BYTES } from '../wire/header.ts'

/**
 * Equal for queries that one cached answer serves: name without regard to case, type, class, and the wishes that change
 * what an upstream says: RD, CD, DO. Not AD, which is always asked for and left out where the client does not want it;
 * nor transport or EDNS, which are between neighbours.
 */
export function cacheKey({ flags, question, type, edns }: Query): string {
  const nameEnd = question.length - QUESTION_TAIL_BYTES
  // QR, which no query has, stands for DO.
  const wishes = (flags & (FLAG.RD | FLAG.CD)) | (edns?.isDnssecOk === true ? FLAG.QR : 0)
  // Only the name: the type's bytes may look like letters.
  const name = lowerCaseAscii(question.toString('latin1', 0, nameEnd))
  return name + String.fromCharCode(type, question.readUInt16BE(nameEnd + 2), wishes)
}
