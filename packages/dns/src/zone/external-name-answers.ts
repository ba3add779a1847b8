import type { Service } from '@edgeway/core'
import type { Answer } from '../handler.ts'
import { isEncodableName, withOwner } from '../message.ts'
import { lowerCaseAscii } from '../wire/ascii-case.ts'
import { RCODE } from '../wire/codes.ts'
import type { ZoneRecords } from './zone-records.ts'

/** An ExternalName Service: specification, 2.5. */
export class ExternalNameAnswers {
  readonly #cname: Buffer
  readonly #byTarget = new WeakMap<Answer, Answer>()
  /** The CNAME record, without what it leads to. */
  readonly alone: Answer
  /** The CNAME record, whose target's records are still to be found. */
  readonly unfinished: Answer
  /** The labels of the name that it stands for. */
  readonly targetLabels: readonly string[]

  private constructor(records: ZoneRecords, target: string) {
    this.#cname = records.encode({ record: { type: 'CNAME', data: target } })
    this.alone = records.positive('external-name', [this.#cname])
    this.targetLabels = target.split('.')
    this.unfinished = { ...this.alone, chase: this.targetLabels }
  }

  /** @returns `undefined` where what the Service says is no name of DNS */
  static of(records: ZoneRecords, { externalName = '' }: Service): ExternalNameAnswers | undefined {
    const target = lowerCaseAscii(externalName).replace(/\.$/, '')
    return isEncodableName(target) ? new ExternalNameAnswers(records, target) : undefined
  }

  /**
   * The CNAME record with what its target answers; made once per answer of the target. The response code is the
   * target's (RFC 6604 section 3).
   */
  leadingTo(answer: Answer): Answer {
    const { content } = answer
    // A name that can't be known yet.
    if (content.kind !== 'records' || content.rcode === RCODE.SERVFAIL) return answer
    const known = this.#byTarget.get(answer)
    if (known !== undefined) return known
    const answers = [this.#cname, ...content.answers.map((record) => withOwner(record, this.targetLabels))]
    const combined: Answer = { ...answer, rule: 'external-name', content: { ...content, answers } }
    this.#byTarget.set(answer, combined)
    return combined
  }
}
