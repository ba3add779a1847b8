import { type Answer, type AnswerRule, emptyAnswer, type Handler, type QueryContext } from '../handler.ts'
import type { Query } from '../message.ts'
import { RCODE, TYPE } from '../wire/codes.ts'
import { FLAG } from '../wire/header.ts'
import { queryFor } from '../wire/query-for.ts'
import { type AliasStep, aliasStep, failedStep } from './alias-step.ts'

/** Names that stand for one another, each asked for on its own: as many as the cluster zone follows. */
const MAX_STEPS = 8

/** Types that stub resolvers ask for, who don't follow a CNAME themselves. Others get the CNAME alone. */
const CHASED_TYPES: ReadonlySet<number> = new Set([
  TYPE.A,
  TYPE.AAAA,
  TYPE.MX,
  TYPE.TXT,
  TYPE.SRV,
  TYPE.SVCB,
  TYPE.HTTPS,
])

/** What a name leads to, as far as it can be known. */
export type Followed = Omit<AliasStep, 'next'>

/**
 * Completes the answers of a zone that end in a name elsewhere, such as those of ExternalName Services: whoever has that
 * name is asked for its records. What can't be had makes the answer SERVFAIL: the CNAME alone would say "no such record".
 */
export class AliasChaser {
  readonly #zone: Handler
  readonly #others: Handler

  /**
   * @param zone - whose answers are completed; names may lead back into it
   * @param others - answers what the zone leaves to others
   */
  constructor(zone: Handler, others: Handler) {
    this.#zone = zone
    this.#others = others
  }

  readonly handle: Handler = (query, context) => {
    const answer = this.#zone(query, context)
    if (answer === undefined || answer instanceof Promise || answer.chase === undefined) return answer
    return CHASED_TYPES.has(query.type) ? this.#complete(answer, query, context) : answer
  }

  /** What a name leads to, the records of its own included. Never rejects unless a handler does. */
  async follow(labels: readonly string[], query: Query, context: QueryContext): Promise<Followed> {
    const answers: Buffer[] = []
    let name = labels
    for (let count = 0; count < MAX_STEPS; count++) {
      const step = await this.#step(queryFor(name, query.type, FLAG.RD | (query.flags & FLAG.CD)), context)
      answers.push(...step.answers)
      if (step.rcode === RCODE.SERVFAIL || step.next === undefined) return { ...step, answers }
      name = step.next
    }
    return failedStep('alias-chain')
  }

  async #step(query: Query, context: QueryContext): Promise<AliasStep> {
    const answer = (await this.#zone(query, context)) ?? (await this.#others(query, context))
    return aliasStep(query, answer)
  }

  async #complete(answer: Answer, query: Query, context: QueryContext): Promise<Answer> {
    const followed = await this.follow(answer.chase ?? [], query, context)
    const records = answer.content.kind === 'records' ? answer.content.answers : []
    return aliasAnswer(answer.rule, records, followed)
  }
}

/**
 * The answer for a name of the cluster's that stands for another one. The response code is the other one's (RFC 6604
 * section 3).
 *
 * @param cnames - the records that lead to it
 */
export function aliasAnswer(rule: AnswerRule, cnames: readonly Buffer[], followed: Followed): Answer {
  const { rcode, answers, authority } = followed
  if (rcode === RCODE.SERVFAIL) return emptyAnswer('cluster', followed.rule, rcode)
  return {
    zone: 'cluster',
    rule: followed.rule === 'cache-stale' ? followed.rule : rule,
    content: { kind: 'records', rcode, authoritative: true, answers: [...cnames, ...answers], authority },
  }
}
