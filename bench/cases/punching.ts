import { measurePunching } from '../src/punching/measure-punching.ts'
import type { BenchCase } from './case.ts'

const PUNCHES = 20

export const punching: BenchCase = {
  name: 'punching',
  summary:
    'hole punching between all pairs of NATs, at 0 to 200 ms round trip; PUNCHES=n changes the repetitions',
  run: (onStep) => measurePunching(Number(process.env['PUNCHES'] ?? PUNCHES), onStep),
}
