import type { ComponentDeps } from '@edgeway/core'
import type { Corrections } from './corrections.ts'
import { FindingLog } from './finding-log.ts'
import { type Findings, NO_FINDINGS } from './findings.ts'
import { type OwnEndpointMetrics, ownEndpointMetrics } from './metrics.ts'
import type { OwnEndpoint } from './own-endpoint.ts'
import { Rounds, type RoundsOptions } from './rounds.ts'
import {
  type OpenPodRuntime,
  openCriRuntime,
  type RuntimeOptions,
  RuntimeQuestions,
} from './runtime-questions.ts'
import { type Connect, connectTcp } from './tcp-check.ts'

export type OwnEndpointsOptions = RoundsOptions & RuntimeOptions

export const DEFAULT_OWN_ENDPOINTS_OPTIONS: OwnEndpointsOptions = {
  checkIntervalMs: 5_000,
  connectTimeoutMs: 1_000,
  maxConcurrentChecks: 16,
  criSocket: 'auto',
  criTimeoutMs: 2_000,
}

export interface OwnEndpointsDeps extends Pick<ComponentDeps, 'logger' | 'metrics' | 'onFatal'> {
  /** This node's endpoints as the source told of them last: uncorrected, ready or not. Read often. */
  endpoints(): Iterable<OwnEndpoint>
  /** Called after the corrections have changed, also by `setStale(false)`; never after disposal has begun. */
  corrected(corrections: Corrections): void
  /** Default: a TCP connect. */
  readonly connect?: Connect
  /** Default: CRI over the socket. */
  readonly openPodRuntime?: OpenPodRuntime
  /** Milliseconds from any fixed point. Default: the process' monotonic clock. */
  readonly now?: () => number
}

/**
 * While the source is stale, finds out what has become of this node's own endpoints: after an offline reboot pods have
 * other addresses than stored, and some are not there.
 *
 * In rounds: the container runtime, where there is one, tells the pods' present addresses; then each TCP endpoint is
 * connected to. One that refuses or can't be reached is dead at once, one that is silent after two rounds in a row;
 * one that accepts is back at once. Failures of this process' own (no descriptors left) count for nothing. A UDP
 * endpoint is dead only when its address belongs to another pod now.
 */
export class OwnEndpoints implements AsyncDisposable {
  readonly #options: OwnEndpointsOptions
  readonly #deps: OwnEndpointsDeps
  readonly #metrics: OwnEndpointMetrics
  readonly #log: FindingLog
  readonly #runtime: RuntimeQuestions
  #findings: Findings = NO_FINDINGS
  /** There while the source is stale. */
  #current: { readonly rounds: Rounds; readonly stop: AbortController } | undefined
  #running: Promise<void> = Promise.resolve()
  #isDisposed = false

  /** Rests until `setStale(true)`. */
  constructor(options: OwnEndpointsOptions, deps: OwnEndpointsDeps) {
    const { logger, openPodRuntime = openCriRuntime, now = () => performance.now() } = deps
    this.#options = options
    this.#deps = deps
    this.#metrics = ownEndpointMetrics(deps.metrics)
    this.#log = new FindingLog(logger, now)
    this.#runtime = new RuntimeQuestions(options, openPodRuntime, logger)
  }

  /** What is wrong now. Nothing while the source is not stale. */
  get corrections(): Corrections {
    return this.#findings.corrections
  }

  /** Begins with a round at once, or drops all corrections at once. Does nothing when it is so already. */
  setStale(isStale: boolean): void {
    if (this.#isDisposed || isStale === (this.#current !== undefined)) return
    if (isStale) this.#begin()
    else this.#end()
  }

  /** To be called when `endpoints()` has changed: while the source is stale, a round follows. Many calls make one. */
  check(): void {
    this.#current?.rounds.wake()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    this.#current?.stop.abort()
    this.#current = undefined
    await this.#running
  }

  #begin(): void {
    const rounds = new Rounds(this.#options, {
      endpoints: () => this.#deps.endpoints(),
      connect: this.#deps.connect ?? connectTcp,
      runtime: this.#runtime,
      found: (findings) => this.#apply(findings),
    })
    const stop = new AbortController()
    this.#current = { rounds, stop }
    // A former time's last round is being broken off: sockets are never more than allowed.
    this.#running = this.#running
      .then(() => rounds.run(stop.signal))
      .catch((error: unknown) =>
        this.#deps.onFatal(error instanceof Error ? error : new Error(String(error))),
      )
  }

  #end(): void {
    this.#current?.stop.abort()
    this.#current = undefined
    this.#runtime.forget()
    // That endpoints answer again is not known and not said.
    this.#replace(NO_FINDINGS)
  }

  #apply(findings: Findings): void {
    this.#log.changed(this.#findings, findings)
    this.#replace(findings)
  }

  #replace(findings: Findings): void {
    const before = this.#findings.corrections
    this.#findings = findings
    this.#metrics.dead.set({}, findings.dead.size)
    this.#metrics.moved.set({}, findings.moved.size)
    if (!findings.corrections.equals(before)) this.#deps.corrected(findings.corrections)
  }
}
