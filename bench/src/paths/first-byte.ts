import { FIRST_BYTE_CASE, measureFirstByte } from '../relays/first-byte.ts'
import { TwoRelaysScene } from '../relays/two-relays-scene.ts'
import { BENCH, type PathsPart } from './part.ts'

/** First bytes of relayed connections. */
export const FIRST_BYTE_PART: PathsPart = {
  name: 'first-byte',
  cases: [FIRST_BYTE_CASE],
  async measure({ runs }, onStep) {
    await using scene = await TwoRelaysScene.start(onStep)
    const results = await measureFirstByte(scene, runs, onStep)
    return results.map((result) => ({ ...result, bench: BENCH }))
  },
}
