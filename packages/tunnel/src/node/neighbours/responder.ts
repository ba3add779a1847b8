import { type MdnsMessage, type MdnsQuestion, type OwnQuestion, TYPE, TYPE_NAMES } from './message.ts'
import { isKnownAnswer, isShared, type OwnRecordName, recordsAt } from './service.ts'

/** What a query of somebody else is answered. */
export interface Reply {
  readonly answers: ReadonlySet<OwnRecordName>
  /** Several nodes may answer, so a random while passes before. */
  readonly isDelayed: boolean
  /** All that was asked may be answered by unicast. */
  readonly isUnicastWanted: boolean
}

const TYPE_OF: Readonly<Record<OwnRecordName, number>> = {
  ...{ types: TYPE.PTR, pointer: TYPE.PTR, service: TYPE.SRV, text: TYPE.TXT, host: TYPE.A },
  ...{ 'no-service': TYPE.NSEC, 'no-host': TYPE.NSEC },
}

/** What goes along, as whoever asked will ask for it next (RFC 6763 section 12). */
const NEXT: Partial<Readonly<Record<OwnRecordName, readonly OwnRecordName[]>>> = {
  pointer: ['service', 'text', 'host'],
  service: ['text', 'host'],
  text: ['service', 'host'],
}

/** Questions that are looked at; a query of ours has 12 at most. */
const MAX_QUESTIONS = 32

/** @returns `undefined` where this node has nothing to say, or all that it would say is known already */
export function replyTo({ questions, answers }: MdnsMessage, peerId: string): Reply | undefined {
  const asked = questions.slice(0, MAX_QUESTIONS).filter(({ name }) => recordsAt(name, peerId).length > 0)
  const wanted = asked
    .flatMap((question) => answersTo(question, peerId))
    .filter((name) => !answers.some((record) => isKnownAnswer(name, record, peerId)))
  if (wanted.length === 0) return undefined
  return {
    answers: new Set(wanted),
    isDelayed: wanted.some(isShared),
    isUnicastWanted: asked.every(({ isUnicastWanted }) => isUnicastWanted),
  }
}

/** What goes along with these answers. */
export function additionalsOf(answers: ReadonlySet<OwnRecordName>): OwnRecordName[] {
  return [...new Set([...answers].flatMap((name) => NEXT[name] ?? [])).difference(answers)]
}

/** The question of a legacy resolver, to be repeated to it. */
export function repeated({ questions }: MdnsMessage): OwnQuestion[] {
  return questions.slice(0, 1).flatMap(({ name, type }) => {
    const text = TYPE_NAMES.find((each) => TYPE[each] === type)
    return text === undefined ? [] : [{ name, type: text }]
  })
}

function answersTo({ name, type }: MdnsQuestion, peerId: string): readonly OwnRecordName[] {
  const records = recordsAt(name, peerId)
  const fitting = records.filter((record) => type === TYPE.ANY || TYPE_OF[record] === type)
  if (fitting.length > 0) return fitting
  if (records.includes('service')) return ['no-service']
  return records.includes('host') ? ['no-host'] : []
}
