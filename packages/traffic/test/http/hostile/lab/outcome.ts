import type { HostileRequest } from '../corpus/hostile-request.ts'
import { doAgree, readings } from '../reading/readers.ts'
import { type Answer, call, finalStatuses, type Place } from './call.ts'
import type { OpenLane } from './lane-set.ts'
import type { Recording } from './recorder.ts'
import type { Way } from './ways.ts'

/** What became of one request of the corpus, one way. */
export interface Outcome {
  readonly name: string
  readonly way: Way
  /** Of the final responses. */
  readonly statuses: readonly number[]
  readonly end: Answer['end']
  /** How many requests the endpoint was told of, as the reader has it that sees most of them. */
  readonly out: number
  /** How many of them were complete. */
  readonly whole: number
  /** What readers of different minds see in what one connection carried, where it is not the same. */
  readonly quarrels: readonly string[]
  /** It went on a connection of its own, byte by byte as the client sent it. */
  readonly isVerbatim: boolean
  /** What the next client got in place of its answer; '' where it got that. */
  readonly nextGot: string
}

const NEXT = 'GET /next/'

/** Sends it, then what another client asks, and looks at what came out of both at the endpoint. */
export async function outcomeOf(request: HostileRequest, lane: OpenLane): Promise<Outcome> {
  const sent = request.pieces.join('')
  const { text, end } = await call(lane.place, { ...request, most: sent.split('/smuggled').length })
  const nextGot = await askNext(request.name, lane.place)
  const seen = await Promise.all(lane.endpoint.take().map((recording) => sighting(recording, sent)))
  return {
    name: request.name,
    way: lane.way,
    statuses: finalStatuses(text),
    end,
    out: seen.reduce((sum, { count }) => sum + count, 0),
    whole: seen.reduce((sum, { whole }) => sum + whole, 0),
    quarrels: seen.map(({ quarrel }) => quarrel).filter((quarrel) => quarrel !== ''),
    isVerbatim: seen.some(({ isVerbatim }) => isVerbatim),
    nextGot,
  }
}

/** Asks as another client would, on a connection of its own. @returns the answer, where it is not the right one */
export async function askNext(name: string, place: Place): Promise<string> {
  const line = `${NEXT}${encodeURIComponent(name).slice(0, 100)}`
  const head = `${line} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n`
  const { text, end } = await call(place, { pieces: [head], isCut: false, most: 2 })
  const isRight = /^HTTP\/1\.1 200 /.test(text) && text.endsWith(`\r\n\r\n${line}`) && end === 'closed'
  return isRight && finalStatuses(text).length === 1 ? '' : `${end}: ${text.slice(0, 500)}`
}

interface Sighting {
  readonly count: number
  readonly whole: number
  /** '' for none. */
  readonly quarrel: string
  readonly isVerbatim: boolean
}

async function sighting({ pieces, isOpen }: Recording, sent: string): Promise<Sighting> {
  const all = await readings(pieces)
  const own = Object.values(all).map(({ requests }) => requests.filter(({ line }) => !line.startsWith(NEXT)))
  const count = Math.max(...own.map(({ length }) => length))
  const whole = Math.max(...own.map((requests) => requests.filter(({ isComplete }) => isComplete).length))
  const isVerbatim = sent.startsWith(Buffer.concat(pieces).toString('latin1'))
  const isUnfinished = isOpen && Object.values(all).some(({ end }) => end === 'waiting')
  const isAgreed = doAgree(all) && all['strict']?.end !== 'refused'
  return {
    count,
    whole,
    isVerbatim,
    quarrel: isAgreed ? (isUnfinished ? 'unfinished and open' : '') : JSON.stringify(all),
  }
}
