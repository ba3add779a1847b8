import { setTimeout as delay } from 'node:timers/promises'
import { SourceError } from '../errors.ts'
import { type ListClass, listAll } from '../reflector/object-list.ts'
import type { Source } from './source.ts'
import type { SourceHealth } from './source-health.ts'
import { varied } from './varied.ts'

/** A list of one object that each cluster has: as cheap as a list can be. */
const PROBE_PATH = '/api/v1/namespaces/default/services?fieldSelector=metadata.name%3Dkubernetes'

export interface SourceProbeOptions {
  /** How often the source is asked whether it still speaks for the cluster; varied by a fifth. */
  readonly probeIntervalMs: number
  readonly listTimeoutMs: number
}

export interface SourceProbeDeps {
  readonly source: Source
  readonly health: SourceHealth
  readonly stop: AbortSignal
}

/**
 * Asks the source for one object now and then, and whenever somebody doubts it. An open watch tells nothing of its own
 * end: MetaServer keeps it open while the cloud is away, and never connects it again.
 */
export class SourceProbe {
  readonly #options: SourceProbeOptions
  readonly #deps: SourceProbeDeps
  /** The question that is open. */
  #asking: Promise<void> | undefined

  constructor(options: SourceProbeOptions, deps: SourceProbeDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** Runs until `stop` aborts; then resolves. */
  async run(): Promise<void> {
    const { stop } = this.#deps
    while (!stop.aborted) {
      // Cut short by the stop, whose loop ends then.
      await delay(varied(this.#options.probeIntervalMs), undefined, { signal: stop }).catch(() => undefined)
      if (!stop.aborted) await this.ask()
    }
  }

  /** Resolves when the source's health is that of this moment. Those who ask at one time share the answer. */
  async ask(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    await this.#asking
  }

  async #ask(): Promise<void> {
    const { source, health, stop } = this.#deps
    const signal = AbortSignal.any([stop, AbortSignal.timeout(this.#options.listTimeoutMs)])
    const askedAt = health.now()
    const state = await stateOf(source, signal)
    if (!stop.aborted) health.report(state, askedAt)
  }
}

async function stateOf(source: Source, signal: AbortSignal): Promise<ListClass | 'unreachable'> {
  try {
    return (await listAll({ ...source, pageSize: undefined }, PROBE_PATH, signal)).listClass
  } catch (error) {
    if (!(error instanceof SourceError)) throw error
    return 'unreachable'
  }
}
