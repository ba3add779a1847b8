import { measurePunching, P14_CASE } from '../punching/measure-punching.ts'
import type { PathsPart } from './part.ts'

/** All pairs of NATs at all round-trip times. */
export const PUNCHING_PART: PathsPart = {
  name: 'punching',
  cases: [P14_CASE],
  measure: ({ punches }, onStep) => measurePunching(punches, onStep),
}
