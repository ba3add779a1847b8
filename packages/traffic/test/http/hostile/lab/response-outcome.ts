import { once } from 'node:events'
import type { Socket } from 'node:net'
import { responseReadings, type SeenResponse } from '../reading/response-readers.ts'
import type { HostileResponse } from '../responses/hostile-response.ts'
import { type Answer, call, type Place } from './call.ts'
import { askNext } from './outcome.ts'
import type { Way } from './ways.ts'

/** What became of one response of the corpus, one way. */
export interface ResponseOutcome {
  readonly name: string
  readonly way: Way
  readonly end: Answer['end']
  /** Status of what the client got in answer to the request; 0: nothing, or nothing that can be read. */
  readonly status: number
  readonly isComplete: boolean
  /** What is wrong with what the client got; '' for nothing. */
  readonly fault: string
  /** What the next client got in place of its answer; '' where it got that. */
  readonly nextGot: string
}

export interface ResponseLane {
  readonly way: Way
  readonly place: Place
  /** The connection by which the endpoint was asked last. */
  readonly lastAsked: () => Socket | undefined
}

const SAME = 'GET /next/same'

/**
 * A client asks twice on one connection, first for the hostile response; then another client asks.
 *
 * @param path - at which the endpoint has it
 */
export async function responseOutcomeOf(
  response: HostileResponse,
  path: string,
  lane: ResponseLane,
): Promise<ResponseOutcome> {
  const asked = [head(`${response.method} ${path}`, response.upload), head(SAME, 'Connection: close\r\n\r\n')]
  const pieces = response.later === '' && response.upload === '' ? asked : asked.slice(0, 1)
  const answer = await call(lane.place, { pieces: [pieces.join('')], isCut: false, most: pieces.length })
  if (response.later !== '') await sayLater(response.later, lane.lastAsked())
  const nextGot = await askNext(response.name, lane.place)
  const [strict = [], ...lenient] = responseReadings(answer.text, [response.method, 'GET'])
  const [first] = strict
  return {
    name: response.name,
    way: lane.way,
    end: answer.end,
    status: first?.status ?? 0,
    isComplete: first?.isComplete ?? false,
    fault: faultOf(answer.text, strict, lenient),
    nextGot,
  }
}

/** @param rest - further lines, an empty one, and the beginning of a body; '' for no more than an empty line */
function head(line: string, rest: string): string {
  return `${line} HTTP/1.1\r\nHost: shop.example\r\n${rest || '\r\n'}`
}

const PATIENCE_MS = 2_000

/** Says that on the connection that nobody uses, and waits until the other side has closed it, as it must. */
async function sayLater(text: string, socket: Socket | undefined): Promise<void> {
  if (socket === undefined || socket.destroyed) return
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(PATIENCE_MS) })
  socket.write(text, 'latin1')
  await closed.catch(() => {})
}

function faultOf(text: string, strict: readonly SeenResponse[], lenient: readonly SeenResponse[][]): string {
  const [first, second, third] = strict
  if (strict.some(({ status }) => status === 0)) return `it is malformed: ${text.slice(0, 500)}`
  const isAgreed = lenient.every((other) => JSON.stringify(other) === JSON.stringify(strict))
  if (!isAgreed) return `clients do not agree: ${JSON.stringify([strict, lenient])}`
  const rest = text.slice(first?.end ?? 0)
  const isRight = second?.status === 200 && rest.endsWith(`\r\n\r\n${SAME}`) && third === undefined
  return second === undefined || isRight ? '' : `the next answer is ${rest.slice(0, 500)}`
}
