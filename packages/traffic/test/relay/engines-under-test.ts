import { MemoryLogger } from '@edgeway/testbed'
import { type FinSender, loadFinSender } from '../../src/kernel/fin-sender.ts'
import { type Libc, loadLibc } from '../../src/kernel/libc.ts'
import { type HandleBinding, loadHandleBinding } from '../../src/relay/handle-binding.ts'
import { HandleRelay } from '../../src/relay/handle-relay.ts'
import type { CarriedFlow, Carrier, QuietFlow } from '../../src/relay/promotion.ts'
import { spliceCalls } from '../../src/relay/splice-calls.ts'
import { SpliceCarrier } from '../../src/relay/splice-carrier.ts'
import { SpliceRelay } from '../../src/relay/splice-relay.ts'
import { StreamRelay } from '../../src/relay/stream-relay.ts'
import type { EngineUnderTest } from './relay-world.ts'

const fallback = new StreamRelay()

export async function streamEngine(): Promise<EngineUnderTest> {
  return engineOf(fallback)
}

/** @param fin - the kernel's unless given */
export async function handleEngine(
  fin?: FinSender,
): Promise<EngineUnderTest & { busyConnections(): number }> {
  const deps = { binding: await binding(), fin: fin ?? (await loadFinSender()) }
  const engine = new HandleRelay({ ...deps, promotion: undefined, fallback })
  return { ...engineOf(engine), busyConnections: () => engine.busyConnections }
}

/** @param shared - the worker to use, which goes on afterwards; one of its own unless given */
export async function spliceEngine(shared?: SpliceCarrier): Promise<EngineUnderTest> {
  const carrier = shared ?? (await readyCarrier())
  const deps = { binding: await binding(), fin: await loadFinSender() }
  const engine = new SpliceRelay({ ...deps, carrier, fallback })
  return engineOf(engine, shared === undefined ? carrier : undefined)
}

export interface PromotingEngine extends EngineUnderTest {
  readonly carrier: CountingCarrier
}

/**
 * Hands over each flow that has carried `afterBytes`.
 *
 * @param shared - as above
 */
export async function promotingEngine(afterBytes: number, shared?: SpliceCarrier): Promise<PromotingEngine> {
  const splice = shared ?? (await readyCarrier())
  const carrier = new CountingCarrier(splice)
  const deps = { binding: await binding(), fin: await loadFinSender() }
  const engine = new HandleRelay({ ...deps, promotion: { carrier, afterBytes }, fallback })
  return { ...engineOf(engine, shared === undefined ? splice : undefined), carrier }
}

/** Tells how many flows were handed over. */
export class CountingCarrier implements Carrier {
  carried = 0
  /** While false it is not ready. */
  isOpen = true
  readonly splice: SpliceCarrier

  constructor(splice: SpliceCarrier) {
    this.splice = splice
  }

  get isReady(): boolean {
    return this.isOpen && this.splice.isReady
  }

  carry(flow: QuietFlow): CarriedFlow | undefined {
    const carried = this.splice.carry(flow)
    if (carried !== undefined) this.carried += 1
    return carried
  }
}

/** With a worker that is ready: otherwise short flows would never see it. */
export async function readyCarrier(idleMs = 60_000): Promise<SpliceCarrier> {
  const carrier = new SpliceCarrier(
    { idleMs },
    { calls: spliceCalls(await libc()), logger: new MemoryLogger() },
  )
  if (!(await carrier.prepare())) throw new Error('the splice worker does not start')
  return carrier
}

function engineOf(engine: Pick<StreamRelay, 'relay'>, resource?: AsyncDisposable): EngineUnderTest {
  return {
    relay: (client, endpoint, limits) => engine.relay(client, endpoint, limits),
    [Symbol.asyncDispose]: async () => resource?.[Symbol.asyncDispose](),
  }
}

async function binding(): Promise<HandleBinding> {
  const found = await loadHandleBinding()
  if (found === undefined) throw new Error('this Node lacks what is tested')
  return found
}

async function libc(): Promise<Libc> {
  const found = await loadLibc()
  if (found === undefined) throw new Error('this machine lacks what is tested')
  return found
}
