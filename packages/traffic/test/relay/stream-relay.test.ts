import { describe, it } from 'vitest'
import { streamEngine } from './engines-under-test.ts'
import { relayEngineContract } from './relay-engine.contract.ts'

describe('StreamRelay', () => {
  it.each(relayEngineContract(streamEngine))('$title', async ({ run }) => run())
})
