import type { Answer } from '../handler.ts'
import { TYPE } from '../wire/codes.ts'

/** What one name answers, by type; what it has no records of is "no such record". Each answer is made once. */
export interface NameAnswers {
  readonly a: Answer
  readonly aaaa: Answer
  readonly srv: Answer
  readonly ptr: Answer
  /** One type of records that exists (RFC 8482 section 4.1). */
  readonly any: Answer
  readonly other: Answer
}

/** What a Service answers at its name and below it. */
export interface ServiceAnswers {
  /** At the Service's own name; `undefined`: there is no such name now. */
  readonly own: NameAnswers | undefined
  /** By the host names of its endpoints. */
  readonly hosts: ReadonlyMap<string, NameAnswers>
  /** By `_tcp` or `_udp`, then by the named port, e.g. `_http`. */
  readonly ports: PortAnswers
}

export type PortAnswers = ReadonlyMap<string, ReadonlyMap<string, NameAnswers>>

/** HOT PATH. */
export function answerOfType(answers: NameAnswers, type: number): Answer {
  switch (type) {
    case TYPE.A:
      return answers.a
    case TYPE.AAAA:
      return answers.aaaa
    case TYPE.SRV:
      return answers.srv
    case TYPE.PTR:
      return answers.ptr
    case TYPE.ANY:
      return answers.any
    default:
      return answers.other
  }
}

/** A name that has only `answer`, for that type. */
export function onlyAnswer(type: 'srv' | 'ptr', answer: Answer, other: Answer): NameAnswers {
  return { a: other, aaaa: other, srv: other, ptr: other, any: answer, other, [type]: answer }
}
