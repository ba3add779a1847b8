import type { ContractCase } from '@edgeway/testbed'
import { BULK_CASES } from './contract/bulk.ts'
import type { RelayCase } from './contract/case.ts'
import { ENDING_CASES } from './contract/endings.ts'
import { LIMIT_CASES } from './contract/limits.ts'
import { MANY_CASES } from './contract/many.ts'
import { PIECES_CASES } from './contract/pieces.ts'
import { TALKING_CASES } from './contract/talking.ts'
import { type EngineUnderTest, RelayWorld } from './relay-world.ts'

/**
 * What every RelayEngine holds to between two TCP connections.
 *
 * @param make - gives an engine, for each case anew
 */
export function relayEngineContract(make: () => Promise<EngineUnderTest>): readonly ContractCase[] {
  const cases: readonly RelayCase[] = [
    ...TALKING_CASES,
    ...BULK_CASES,
    ...ENDING_CASES,
    ...LIMIT_CASES,
    ...PIECES_CASES,
    ...MANY_CASES,
  ]
  return cases.map(([title, run]) => ({
    title,
    run: async () => {
      await using world = await RelayWorld.open(make)
      await run(world)
    },
  }))
}
