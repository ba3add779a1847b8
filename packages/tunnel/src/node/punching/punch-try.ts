import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from '@libp2p/interface'
import type { AgentHost } from '../../host/host.ts'
import type { PunchRole } from '../../nat-type.ts'
import type { TryOutcome } from '../../protocol/punch.ts'
import { isWrongIdentity } from '../paths/attempts/path-dialer.ts'
import { listenForPeer } from './listen-for-peer.ts'
import type { OpenPlan, OpenResult } from './open-result.ts'
import { openSimultaneously } from './simultaneous-open.ts'
import { dialDelayMs, tryMs, upgradeMs } from './timing.ts'

/** One side's part of a try. */
export interface TryPlan extends OpenPlan {
  readonly role: PunchRole
  readonly peerId: string
  /** Of the exchange, and of the connection that comes of it. */
  readonly side: 'initiator' | 'responder'
}

export type TryEnd =
  | { readonly outcome: 'connected'; readonly connection: Connection; readonly attempts: number }
  | { readonly outcome: Exclude<TryOutcome, 'connected'>; readonly attempts: number }

/** Opens a TCP connection through both NATs and makes one of libp2p's of it. Never rejects. */
export async function punchTry(
  host: Pick<AgentHost, 'adopt'>,
  plan: TryPlan,
  signal: AbortSignal,
): Promise<TryEnd> {
  const timeUp = AbortSignal.timeout(tryMs(plan.rttMs))
  const opened = await open(plan, AbortSignal.any([signal, timeUp]))
  const { attempts } = opened
  if (opened.kind !== 'connected') return { outcome: opened.kind, attempts }
  const upgrading = AbortSignal.any([signal, AbortSignal.timeout(upgradeMs(plan.rttMs))])
  try {
    const { peerId, side } = plan
    const connection = await host.adopt(opened.socket, { peerId, role: side }, upgrading)
    return { outcome: 'connected', connection, attempts }
  } catch (error) {
    if (isWrongIdentity(error)) return { outcome: 'wrong-identity', attempts }
    return { outcome: upgrading.aborted ? 'timeout' : 'reset', attempts }
  }
}

async function open(plan: TryPlan, signal: AbortSignal): Promise<OpenResult> {
  if (plan.role === 'listen') return await listenForPeer(plan, signal)
  if (plan.role === 'dial') await passed(dialDelayMs(plan.rttMs), signal)
  return await openSimultaneously(plan, signal)
}

/** Waits, or until the signal aborts. */
export async function passed(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(delayMs, undefined, { signal })
  } catch {
    // What comes next looks at the signal itself.
  }
}
