import { setTimeout } from 'node:timers/promises'
import {
  type Component,
  type ComponentDeps,
  type EndpointHealth,
  type ListenerDirectory,
  type Logger,
  limitedWarn,
  type NodeDirectory,
  type NodeName,
  type ReadinessGate,
  type ServiceDirectory,
} from '@edgeway/core'
import { type ChosenBackend, chooseBackend } from './backend/choose-backend.ts'
import { runCommand } from './command/run-command.ts'
import { StaleFlows } from './conntrack/stale-flows.ts'
import { type ProxierMetrics, registerProxierMetrics } from './metrics.ts'
import { AnnotationAdvice } from './model/annotation-advice.ts'
import { DesiredRules } from './model/desired-rules.ts'
import { NodeChanges } from './model/node-changes.ts'
import { NodeConditions, type NodeConditionsOptions } from './node/node-conditions.ts'
import { RuleSync, type SyncOutcome } from './rule-sync.ts'
import { SettledChanges } from './settled-changes.ts'

export interface ProxierOptions extends NodeConditionsOptions {
  /** What loads the rules; `auto`: nftables where it works, else iptables. */
  readonly backend: 'auto' | 'nftables' | 'iptables'
  /**
   * What a crash of the agent does to connections that the agent would forward: `closed`: they are refused until it is
   * back; `open`: its rules go with it, and others that serve Services (kube-proxy) take over. nftables only.
   */
  readonly failMode: 'closed' | 'open'
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
  backend: 'auto',
  failMode: 'closed',
  kernelPath: 'auto',
  nodePorts: 'auto',
  syncDelayMs: 20,
  maxSyncDelayMs: 200,
  resyncIntervalMs: 20_000,
  maxRetryDelayMs: 10_000,
}

export interface ProxierDeps extends ComponentDeps {
  readonly services: ServiceDirectory
  readonly nodes: Pick<NodeDirectory, 'node' | 'nodes' | 'watchNodes'>
  readonly nodeName: NodeName
  /** Of those that forward to endpoints. */
  readonly listeners: ListenerDirectory
  /** Of those that answer a ServicePort themselves, in place of its endpoints. */
  readonly nodeListeners: ListenerDirectory
  readonly health: EndpointHealth
  /** As the options say, unless given. */
  readonly backend?: ChosenBackend
  /** Of this node, unless given. */
  readonly conditions?: Pick<NodeConditions, 'refresh' | 'limits' | 'status'>
  /** By the `conntrack` command, unless given. */
  readonly staleFlows?: Pick<StaleFlows, 'sweep' | 'sweepAll'>
}

interface ProxierParts {
  readonly backend: ChosenBackend
  readonly conditions: Pick<NodeConditions, 'refresh' | 'limits' | 'status'>
  readonly staleFlows: Pick<StaleFlows, 'sweep' | 'sweepAll'>
}

const MIN_RETRY_DELAY_MS = 200

/**
 * Keeps the kernel's rules as Services, Nodes and listeners demand. The first load waits until the directory is loaded;
 * until then an earlier process's rules stay. Disposal removes the rules.
 */
export class Proxier implements Component {
  readonly #options: ProxierOptions
  readonly #deps: ProxierDeps
  readonly #parts: ProxierParts
  readonly #desired: DesiredRules
  readonly #rules: RuleSync
  readonly #logger: Logger
  readonly #advice: AnnotationAdvice
  readonly #metrics: ProxierMetrics
  readonly #gate: ReadinessGate
  readonly #changes: SettledChanges
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  #verifyAt = Number.POSITIVE_INFINITY
  #stopped: Promise<void> | undefined

  private constructor(options: ProxierOptions, parts: ProxierParts, deps: ProxierDeps) {
    const { services, nodes, nodeName, listeners, nodeListeners, health } = deps
    this.#options = options
    this.#deps = deps
    this.#parts = parts
    this.#logger = deps.logger.child({ component: 'proxier' })
    this.#advice = new AnnotationAdvice(services, limitedWarn(this.#logger))
    this.#metrics = registerProxierMetrics(deps.metrics)
    const sources = { services, listeners, nodeListeners, health, viewpoint: { nodeName, nodes } }
    this.#desired = new DesiredRules(sources, parts.conditions.limits())
    this.#rules = new RuleSync({
      backend: parts.backend.backend,
      desired: this.#desired,
      staleFlows: parts.staleFlows,
    })
    this.#gate = deps.readiness.gate('rules')
    this.#gate.shut('the Services are not known yet')
    this.#changes = new SettledChanges({ delayMs: options.syncDelayMs, maxDelayMs: options.maxSyncDelayMs })
    deps.status.section('proxier', () => this.#status())
    this.#running = this.#run(this.#stopping.signal)
  }

  /**
   * Proves that rules can be loaded, and returns: the load itself follows once the directory is loaded.
   *
   * @param options - `groupId`: what processes of this group send is never intercepted, the agent's own;
   *   `deviceName`: of the NodeDevice
   * @throws {RulesUnavailableError} when this node lacks what rules need; says what
   */
  static async start(
    options: ProxierOptions & { readonly groupId: number; readonly deviceName: string },
    deps: ProxierDeps,
  ): Promise<Proxier> {
    const logger = deps.logger.child({ component: 'proxier' })
    const backend = deps.backend ?? (await chooseBackend(options, { run: runCommand, logger }))
    const { capabilities } = backend
    const conditions =
      deps.conditions ??
      (await NodeConditions.read(options, {
        run: runCommand,
        logger,
        capabilities,
        deviceName: options.deviceName,
      }))
    const staleFlows = deps.staleFlows ?? new StaleFlows({ logger: deps.logger })
    return new Proxier(options, { backend, conditions, staleFlows }, deps)
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
      await this.#rules.cleanup()
    } catch (error) {
      this.#logger.error('rules could not be removed', { error })
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { services, listeners, nodeListeners, nodes, health } = this.#deps
    const nodeChanges = new NodeChanges(nodes)
    using _services = services.watch((name) => {
      this.#advice.look(name)
      this.#changes.note(name)
    })
    using _listeners = listeners.watch((name) => this.#changes.note(name))
    using _nodeListeners = nodeListeners.watch((name) => this.#changes.note(name))
    using _health = health.watch((name) => this.#changes.note(name))
    using _nodes = nodes.watchNodes((name) => {
      if (nodeChanges.matter(name)) this.#changes.noteAll()
    })
    try {
      await services.whenLoaded(signal)
      this.#advice.lookAtAll()
      this.#changes.noteAll()
      await this.#keepInSync(signal)
    } catch (error) {
      if (!signal.aborted) this.#deps.onFatal(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** @throws the signal's reason when it aborts, after a sync that runs then has ended */
  async #keepInSync(signal: AbortSignal): Promise<never> {
    for (let failures = 0; ; ) {
      failures = (await this.#sync()) ? 0 : failures + 1
      if (failures === 0) await this.#changes.wait(this.#verifyAt - performance.now(), signal)
      else await this.#pause(failures, signal)
    }
  }

  /** @returns whether the kernel now has the rules that it shall have */
  async #sync(): Promise<boolean> {
    const startedAt = performance.now()
    try {
      if (startedAt >= this.#verifyAt) await this.#verify()
      const outcome = await this.#rules.sync(this.#changes.take(), this.#parts.conditions.limits())
      if (outcome === 'loaded') await this.#loaded()
      this.#succeeded(outcome)
      return true
    } catch (error) {
      this.#failed(error)
      return false
    } finally {
      this.#metrics.syncDuration.observe({}, (performance.now() - startedAt) / 1_000)
    }
  }

  /** Also looks whether the node still is as it was. */
  async #verify(): Promise<void> {
    this.#verifyAt = performance.now() + this.#options.resyncIntervalMs
    if (await this.#parts.conditions.refresh()) this.#changes.noteAll()
    if ((await this.#rules.verify()) === 'intact') return
    this.#metrics.drifts.add({})
    this.#logger.warn('the rules in the kernel are not as we left them; loading them again')
  }

  async #loaded(): Promise<void> {
    this.#verifyAt = performance.now() + this.#options.resyncIntervalMs
    await this.#parts.backend.removeOthers()
  }

  #succeeded(outcome: SyncOutcome): void {
    const rules = this.#countByMode()
    this.#metrics.rules.set({ mode: 'KERNEL' }, rules.KERNEL)
    this.#metrics.rules.set({ mode: 'AGENT' }, rules.AGENT)
    this.#metrics.rules.set({ mode: 'NODE' }, rules.NODE)
    this.#metrics.rules.set({ mode: 'REJECT' }, rules.REJECT)
    this.#metrics.syncs.add({ outcome })
    this.#gate.open()
    if (outcome === 'loaded') this.#logger.info('rules loaded', { rules })
    else this.#logger.debug('rules synced', { rules, outcome })
  }

  #failed(error: unknown): void {
    this.#metrics.syncs.add({ outcome: 'failed' })
    this.#gate.shut(`rules could not be applied: ${error instanceof Error ? error.message : String(error)}`)
    this.#logger.warn('rules could not be applied; will retry', { error })
  }

  #countByMode() {
    const counts = { KERNEL: 0, AGENT: 0, NODE: 0, REJECT: 0 }
    for (const { mode } of this.#desired) counts[mode] += 1
    return counts
  }

  #status() {
    const { backend, capabilities } = this.#parts.backend
    return {
      backend: backend.name,
      capabilities,
      failMode: this.#options.failMode,
      rules: this.#countByMode(),
      node: this.#parts.conditions.status(),
    }
  }

  /** What changes meanwhile is part of the retry. */
  async #pause(failures: number, signal: AbortSignal): Promise<void> {
    const delayMs = Math.min(MIN_RETRY_DELAY_MS * 2 ** (failures - 1), this.#options.maxRetryDelayMs)
    await setTimeout(delayMs, undefined, { signal })
  }
}
