import { ipFamilyOf } from '@edgeway/core'
import type { Answer, AnswerRule } from '../handler.ts'
import type { NameAnswers } from './name-answers.ts'
import type { ZoneRecords } from './zone-records.ts'

/** A name with addresses of either family or both; each family is encoded when it is first asked for. */
export class AddressAnswers implements NameAnswers {
  readonly #records: ZoneRecords
  readonly #rule: AnswerRule
  readonly ips: readonly string[]
  #a: Answer | undefined
  #aaaa: Answer | undefined

  /** @param ips - each once */
  constructor(records: ZoneRecords, rule: AnswerRule, ips: readonly string[]) {
    this.#records = records
    this.#rule = rule
    this.ips = ips
  }

  get a(): Answer {
    this.#a ??= this.#ofFamily('IPv4')
    return this.#a
  }

  get aaaa(): Answer {
    this.#aaaa ??= this.#ofFamily('IPv6')
    return this.#aaaa
  }

  get any(): Answer {
    return this.a === this.other ? this.aaaa : this.a
  }

  get srv(): Answer {
    return this.other
  }

  get ptr(): Answer {
    return this.other
  }

  get other(): Answer {
    return this.#records.noType
  }

  #ofFamily(family: 'IPv4' | 'IPv6'): Answer {
    const ips = this.ips.filter((ip) => ipFamilyOf(ip) === family)
    if (ips.length === 0) return this.other
    return this.#records.addressAnswer(this.#rule, ips)
  }
}
