import type { Result } from '../src/result.ts'

/** A named bench: measures, and tells as it goes what it is at. */
export interface BenchCase {
  readonly name: string
  readonly summary: string
  run(onStep: (step: string) => void): Promise<Result[]>
}
