import type { Component, ComponentDeps } from '@edgeway/core'
import { type FinSender, loadFinSender } from '../kernel/fin-sender.ts'
import { type Libc, loadLibc } from '../kernel/libc.ts'
import { type HandleBinding, loadHandleBinding } from './handle-binding.ts'
import { HandleRelay } from './handle-relay.ts'
import type { FlowEnd, Relay, RelayEngine, RelayLimits } from './relay-engine.ts'
import { type SpliceCalls, spliceCalls } from './splice-calls.ts'
import { SpliceCarrier } from './splice-carrier.ts'
import { SpliceRelay } from './splice-relay.ts'
import { StreamRelay } from './stream-relay.ts'

export interface RelayEnginesOptions {
  /**
   * `auto`: handles for two plain TCP connections, and the splice worker once they are bulk, as far as this machine has
   * them; streams for all else. The others force one engine where it can work: `splice` from the first byte.
   */
  readonly engine: 'auto' | RelayEngine['name']
  /** With `auto`, both directions together: from there on a flow is bulk. */
  readonly bulkAfterBytes?: number
  /** The splice worker ends after so long without a flow. */
  readonly spliceIdleMs?: number
}

const BULK_AFTER_BYTES = 1024 * 1024
const SPLICE_IDLE_MS = 30_000

export type RelayEnginesDeps = Pick<ComponentDeps, 'logger'>

/** What the machine has, and why it lacks the rest. */
interface Found {
  readonly binding: HandleBinding | undefined
  readonly calls: SpliceCalls | undefined
  readonly missing: Readonly<Record<string, string>>
}

/** The relay engines of this machine, and which of them a flow gets. */
export class RelayEngines implements Component {
  readonly #engine: RelayEngine
  readonly #carrier: SpliceCarrier | undefined

  private constructor(engine: RelayEngine, carrier: SpliceCarrier | undefined) {
    this.#engine = engine
    this.#carrier = carrier
  }

  /** Tries what there is; what can't work here is left out, which the log tells. */
  static async start(options: RelayEnginesOptions, { logger }: RelayEnginesDeps): Promise<RelayEngines> {
    const { binding, calls, missing } = await find(options)
    const stream = new StreamRelay()
    const carrier =
      binding === undefined || calls === undefined
        ? undefined
        : new SpliceCarrier({ idleMs: options.spliceIdleMs ?? SPLICE_IDLE_MS }, { calls, logger })
    const engine = engineOf(options, { stream, binding, carrier, fin: await loadFinSender() })
    logger.info('relay engines', {
      engine: engine.name,
      bulk: carrier === undefined ? engine.name : 'splice',
      missing,
    })
    // Whoever forces it wants it for the first flow, too.
    if (engine.name === 'splice') await carrier?.prepare()
    return new RelayEngines(engine, carrier)
  }

  /** Joins two ends, and owns both from the call on. */
  relay(client: FlowEnd, endpoint: FlowEnd, limits: RelayLimits): Relay {
    return this.#engine.relay(client, endpoint, limits)
  }

  /** Cuts flows that the splice worker still has; others are their owners' to end before. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#carrier?.[Symbol.asyncDispose]()
  }
}

interface Engines {
  readonly stream: StreamRelay
  readonly binding: HandleBinding | undefined
  readonly carrier: SpliceCarrier | undefined
  readonly fin: FinSender
}

function engineOf(
  { engine, bulkAfterBytes = BULK_AFTER_BYTES }: RelayEnginesOptions,
  { stream, binding, carrier, fin }: Engines,
): RelayEngine {
  if (binding === undefined) return stream
  if (engine === 'splice' && carrier !== undefined)
    return new SpliceRelay({ binding, fin, carrier, fallback: stream })
  const promotion = carrier === undefined ? undefined : { carrier, afterBytes: bulkAfterBytes }
  return new HandleRelay({ binding, fin, promotion, fallback: stream })
}

/** Looks only for what the option wants. */
async function find({ engine }: RelayEnginesOptions): Promise<Found> {
  if (engine === 'stream') return { binding: undefined, calls: undefined, missing: {} }
  const binding = await loadHandleBinding()
  const handle = binding === undefined ? { handle: "Node's inner streams are other than expected" } : {}
  if (engine === 'handle') return { binding, calls: undefined, missing: handle }
  const libc = await loadLibc()
  if (libc === undefined) return { binding, calls: undefined, missing: { ...handle, splice: 'no koffi' } }
  const calls = workingCalls(libc)
  const splice = calls === undefined ? { splice: 'the kernel or the C library lacks it' } : {}
  return { binding, calls, missing: { ...handle, ...splice } }
}

/** Moves a byte from one pipe to another. */
function workingCalls(libc: Libc): SpliceCalls | undefined {
  try {
    const calls = spliceCalls(libc)
    const [from, to] = [calls.pipe(0), calls.pipe(0)]
    const isWorking =
      from !== undefined &&
      to !== undefined &&
      calls.write(from.writeFd, Buffer.from([1])) === 1 &&
      calls.splice(from.readFd, to.writeFd, 1) === 1
    for (const pipe of [from, to]) {
      if (pipe !== undefined) for (const fd of [pipe.readFd, pipe.writeFd]) calls.close(fd)
    }
    return isWorking ? calls : undefined
  } catch {
    // A symbol is missing: not Linux.
    return undefined
  }
}
