import { endOfHead, problemOfPartialHead } from '../../../src/http/message/head-end.ts'
import { REQUESTS, RESPONSES } from './corpus.ts'
import { mutated } from './mutations.ts'
import { SeededRandom } from './random.ts'
import { checkedRequest } from './requests.ts'
import { checkedResponse } from './responses.ts'

export interface FuzzReport {
  readonly accepted: number
  readonly refused: number
}

/** One in so many is a response. */
const RESPONSES_ONE_IN = 4
const METHODS = ['GET', 'HEAD', 'POST']

/**
 * Reads mutated heads, and checks what was accepted. Each is made of the seed and its number alone, so that a failure can be had
 * again by these two.
 *
 * @throws Error that tells seed, number and head
 */
export function fuzzHeads(seed: number, first: number, count: number): FuzzReport {
  const random = new SeededRandom()
  let accepted = 0
  for (let number = first; number < first + count; number++) {
    random.seed(Math.imul(seed, 0x2_00_01) + number)
    if (isAccepted(random, number, seed)) accepted++
  }
  return { accepted, refused: count - accepted }
}

function isAccepted(random: SeededRandom, number: number, seed: number): boolean {
  const isResponse = number % RESPONSES_ONE_IN === 0
  const text = mutated(isResponse ? RESPONSES : REQUESTS, random)
  try {
    const outgoing = isResponse ? checkedResponse(text, random.of(METHODS)) : checkedRequest(text)
    if (outgoing !== undefined) checkBytes(text, random)
    return outgoing !== undefined
  } catch (cause) {
    throw new Error(`seed ${seed}, head ${number}: ${JSON.stringify(text)}`, { cause })
  }
}

/** What was accepted as text must have been found in the bytes, and nobody may have given up on it earlier. */
function checkBytes(text: string, random: SeededRandom): void {
  const bytes = Buffer.from(text, 'latin1')
  if (endOfHead(bytes, 0) !== bytes.length) throw new Error('ends elsewhere')
  const some = bytes.subarray(0, random.below(bytes.length))
  if (problemOfPartialHead(some) !== undefined || endOfHead(some, 0) !== -1)
    throw new Error('refused too early')
}
