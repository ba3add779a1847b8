import type { RelayWorld } from '../relay-world.ts'

/** A sentence about every engine, and its proof. */
export type RelayCase = readonly [title: string, run: (world: RelayWorld) => Promise<void>]
