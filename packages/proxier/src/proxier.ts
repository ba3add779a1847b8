import { setTimeout } from 'node:timers/promises'
import type {
  Component,
  ComponentDeps,
  ListenerDirectory,
  Logger,
  ReadinessGate,
  ServiceDirectory,
} from '@edgeway/core'
import { RulesUnavailableError } from './errors.ts'
import { type ProxierMetrics, registerProxierMetrics } from './metrics.ts'
import { NftablesBackend } from './nftables-backend.ts'
import type { ApplyOutcome, RuleBackend } from './rule-backend.ts'
import { type Rule, rulesOf } from './rules.ts'
import { runCommand } from './run-command.ts'
import { SettledChanges } from './settled-changes.ts'

export interface ProxierOptions {
  /** A sync waits until nothing has changed for so long. */
  readonly syncDelayMs: number
  /** But never longer than that after the first change. */
  readonly maxSyncDelayMs: number
  /** How often the kernel is asked whether our rules are still as we left them. */
  readonly resyncIntervalMs: number
  /** A failed sync is retried after 200 ms, then after ever longer pauses up to this. */
  readonly maxRetryDelayMs: number
}

export const DEFAULT_PROXIER_OPTIONS: ProxierOptions = {
  syncDelayMs: 20,
  maxSyncDelayMs: 200,
  resyncIntervalMs: 20_000,
  maxRetryDelayMs: 10_000,
}

export interface ProxierDeps extends ComponentDeps {
  readonly services: Pick<ServiceDirectory, 'whenLoaded' | 'servicePorts' | 'endpoints' | 'lookup' | 'watch'>
  readonly listeners: ListenerDirectory
  /** nftables, unless given. */
  readonly backend?: RuleBackend
}

const MIN_RETRY_DELAY_MS = 200

/**
 * Keeps the kernel's rules as Services and listeners demand. The first load waits until the directory is loaded;
 * until then an earlier process's rules stay. Disposal removes the rules.
 */
export class Proxier implements Component {
  readonly #options: ProxierOptions
  readonly #deps: ProxierDeps
  readonly #backend: RuleBackend
  readonly #logger: Logger
  readonly #metrics: ProxierMetrics
  readonly #gate: ReadinessGate
  readonly #changes: SettledChanges
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  #verifyAt = Number.POSITIVE_INFINITY
  #stopped: Promise<void> | undefined

  private constructor(options: ProxierOptions, backend: RuleBackend, deps: ProxierDeps) {
    this.#options = options
    this.#deps = deps
    this.#backend = backend
    this.#logger = deps.logger.child({ component: 'proxier' })
    this.#metrics = registerProxierMetrics(deps.metrics)
    this.#gate = deps.readiness.gate('rules')
    this.#gate.shut('the Services are not known yet')
    this.#changes = new SettledChanges({ delayMs: options.syncDelayMs, maxDelayMs: options.maxSyncDelayMs })
    this.#running = this.#run(this.#stopping.signal)
  }

  /**
   * Proves that rules can be loaded, and returns: the load itself follows once the directory is loaded.
   *
   * @param options - `groupId`: what processes of this group send is never intercepted; the agent's own
   * @throws {RulesUnavailableError} when this node lacks what rules need; says what
   */
  static async start(
    options: ProxierOptions & { readonly groupId: number },
    deps: ProxierDeps,
  ): Promise<Proxier> {
    const backend = deps.backend ?? new NftablesBackend(options.groupId, runCommand)
    const probe = await backend.probe()
    if (!probe.usable) throw new RulesUnavailableError(probe.reason)
    return new Proxier(options, backend, deps)
  }

  /** Waits for a running sync, then removes the rules: at once new connections are no longer intercepted. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    try {
      await this.#backend.cleanup()
    } catch (error) {
      this.#logger.error('rules could not be removed', { error })
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const note = (): void => this.#changes.note()
    using _services = this.#deps.services.watch(note)
    using _listeners = this.#deps.listeners.watch(note)
    try {
      await this.#deps.services.whenLoaded(signal)
      await this.#keepInSync(signal)
    } catch (error) {
      if (!signal.aborted) this.#deps.onFatal(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** @throws the signal's reason when it aborts, after a sync that runs then has ended */
  async #keepInSync(signal: AbortSignal): Promise<never> {
    for (let failures = 0; ; ) {
      failures = (await this.#sync(failures > 0)) ? 0 : failures + 1
      if (failures === 0) await this.#changes.wait(this.#verifyAt - performance.now(), signal)
      else await this.#pause(failures, signal)
    }
  }

  /** @returns whether the kernel now has the rules that it shall have */
  async #sync(isRetry: boolean): Promise<boolean> {
    const startedAt = performance.now()
    try {
      if (isRetry || startedAt >= this.#verifyAt) await this.#verify()
      this.#changes.take()
      const rules = rulesOf(this.#deps)
      const outcome = await this.#backend.apply(rules)
      if (outcome === 'loaded') this.#verifyAt = performance.now() + this.#options.resyncIntervalMs
      this.#succeeded(rules, outcome)
      return true
    } catch (error) {
      this.#failed(error)
      return false
    } finally {
      this.#metrics.syncDuration.observe({}, (performance.now() - startedAt) / 1_000)
    }
  }

  async #verify(): Promise<void> {
    this.#verifyAt = performance.now() + this.#options.resyncIntervalMs
    if ((await this.#backend.verify()) === 'intact') return
    this.#metrics.drifts.add({})
    this.#logger.warn('the rules in the kernel are not as we left them; loading them again')
  }

  #succeeded(rules: readonly Rule[], outcome: ApplyOutcome): void {
    const byMode = { AGENT: 0, REJECT: 0 }
    for (const { mode } of rules) byMode[mode] += 1
    this.#metrics.rules.set({ mode: 'AGENT' }, byMode.AGENT)
    this.#metrics.rules.set({ mode: 'REJECT' }, byMode.REJECT)
    this.#metrics.syncs.add({ outcome })
    this.#gate.open()
    if (outcome === 'loaded') this.#logger.info('rules loaded', { rules: byMode })
    else this.#logger.debug('rules synced', { rules: byMode, outcome })
  }

  #failed(error: unknown): void {
    this.#metrics.syncs.add({ outcome: 'failed' })
    this.#gate.shut(`rules could not be applied: ${error instanceof Error ? error.message : String(error)}`)
    this.#logger.warn('rules could not be applied; will retry', { error })
  }

  /** What changes meanwhile is part of the retry. */
  async #pause(failures: number, signal: AbortSignal): Promise<void> {
    const delayMs = Math.min(MIN_RETRY_DELAY_MS * 2 ** (failures - 1), this.#options.maxRetryDelayMs)
    await setTimeout(delayMs, undefined, { signal })
  }
}
