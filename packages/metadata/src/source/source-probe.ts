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
 * Asks the source for one object now and then. An open watch tells nothing of its own end: MetaServer keeps it open
 * while the cloud is away, and never connects it again.
 *
 * Runs until `stop` aborts; then resolves.
 */
export async function probeSource(options: SourceProbeOptions, deps: SourceProbeDeps): Promise<void> {
  const { source, health, stop } = deps
  while (!stop.aborted) {
    // Cut short by the stop, whose loop ends then.
    await delay(varied(options.probeIntervalMs), undefined, { signal: stop }).catch(() => undefined)
    if (stop.aborted) return
    const signal = AbortSignal.any([stop, AbortSignal.timeout(options.listTimeoutMs)])
    const state = await probe(source, signal)
    if (!stop.aborted) health.report(state)
  }
}

async function probe(source: Source, signal: AbortSignal): Promise<ListClass | 'unreachable'> {
  try {
    return (await listAll({ ...source, pageSize: undefined }, PROBE_PATH, signal)).listClass
  } catch (error) {
    if (!(error instanceof SourceError)) throw error
    return 'unreachable'
  }
}
