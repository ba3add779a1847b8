import { afterAll, describe, it } from 'vitest'
import { promotingEngine, readyCarrier } from './engines-under-test.ts'
import { relayEngineContract } from './relay-engine.contract.ts'

// One worker for all: its start takes longer than most cases.
const carrier = await readyCarrier()
afterAll(() => carrier[Symbol.asyncDispose]())

describe('HandleRelay with promotion', () => {
  it.each(relayEngineContract(() => promotingEngine(1 << 20, carrier)))('$title', async ({ run }) => run())
})
