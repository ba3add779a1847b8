import type { BoundCounter, Counter } from '@edgeway/core'
import type { Transport, ZoneName } from './handler.ts'
import { rcodeLabel, typeLabel } from './wire/codes.ts'

/** What answers are counted by; `type` is `undefined` where the question could not be read. */
export interface CountedAnswer {
  readonly zone: ZoneName
  readonly rcode: number
  readonly type: number | undefined
  readonly transport: Transport
}

type AnswerCounter = Counter<'zone' | 'rcode' | 'type' | 'transport'>

/** All types from this one on are counted as `other`, by one counter: clients choose them. */
const FIRST_OTHER_TYPE = 256
const NO_TYPE = FIRST_OTHER_TYPE + 1
const TYPES = NO_TYPE + 1
/** BADVERS is the highest in use. */
const RCODES = 17
const TRANSPORTS = 2

/** HOT PATH. Counts answers at the price of one look into a Map. */
export class AnswerCounts {
  readonly #counter: AnswerCounter
  readonly #zones: ZoneName[] = []
  /** By a number for zone, response code, type and transport. */
  readonly #bound = new Map<number, BoundCounter>()

  constructor(counter: AnswerCounter) {
    this.#counter = counter
  }

  add(answer: CountedAnswer): void {
    const key = this.#keyOf(answer)
    let bound = this.#bound.get(key)
    if (bound === undefined) {
      bound = this.#bind(answer)
      this.#bound.set(key, bound)
    }
    bound.add()
  }

  #keyOf({ zone, rcode, type, transport }: CountedAnswer): number {
    const typeNumber = type === undefined ? NO_TYPE : Math.min(type, FIRST_OTHER_TYPE)
    const ofZone = this.#zoneNumber(zone) * RCODES + Math.min(rcode, RCODES - 1)
    return (ofZone * TYPES + typeNumber) * TRANSPORTS + (transport === 'tcp' ? 1 : 0)
  }

  #zoneNumber(zone: ZoneName): number {
    const known = this.#zones.indexOf(zone)
    return known === -1 ? this.#zones.push(zone) - 1 : known
  }

  #bind({ zone, rcode, type, transport }: CountedAnswer): BoundCounter {
    return this.#counter.bind({
      zone,
      rcode: rcodeLabel(rcode),
      type: type === undefined ? 'none' : typeLabel(type),
      transport,
    })
  }
}
