import type { Socket } from 'node:net'
import type { Mapping } from '../../nat-type.ts'

/** What one side needs for its part of a try. */
export interface OpenPlan {
  /** The local port whose mapping the other side was told. */
  readonly localPort: number
  /** Where the other side is. */
  readonly remote: Mapping
  /** Of the signalling path. */
  readonly rttMs: number
}

/** What came of it. `attempts`: SYNs without the kernel's own repetitions. A connected socket has to be taken or destroyed. */
export type OpenResult =
  | { readonly kind: 'connected'; readonly socket: Socket; readonly attempts: number }
  | { readonly kind: 'reset' | 'timeout'; readonly attempts: number }
