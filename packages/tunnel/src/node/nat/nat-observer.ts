import type { Logger } from '@edgeway/core'
import type { TunnelMetrics } from '../../metrics.ts'
import { formatNatType, type NatType, UNKNOWN_NAT } from '../../nat-type.ts'
import { chooseReflectors, type ReflectingServer, reflectorKey } from './choose-reflectors.ts'
import { type FoundNat, findNatType } from './find-nat-type.ts'
import type { ReflectorAddress } from './reflect.ts'

export interface NatObserverTimes {
  /** What happens within such a time is answered by one test. */
  readonly settleMs: number
  /** One test in such a time, in the long run; three may follow each other at once. */
  readonly spacingMs: number
  /** Until the next attempt when something could not be found out; doubled each time, */
  readonly firstRetryMs: number
  /** up to this. */
  readonly maxRetryMs: number
}

export const DEFAULT_NAT_OBSERVER_TIMES: NatObserverTimes = {
  settleMs: 100,
  spacingMs: 10_000,
  firstRetryMs: 5_000,
  maxRetryMs: 3_600_000,
}

export interface NatObserverDeps {
  /** The tunnel servers that are joined now. */
  joined(): readonly ReflectingServer[]
  /** The IP addresses that they see this node come from. */
  egress(): readonly string[]
  readonly metrics: Pick<TunnelMetrics, 'nat'>
  readonly logger: Logger
  /** Other ones than the real one are for tests, */
  readonly find?: typeof findNatType
  /** and so are other times. */
  readonly times?: NatObserverTimes
}

/**
 * Keeps this node's NAT type. It is looked for in the background when something has happened that may have changed it, and
 * again where it could not be found out; nothing is sent otherwise.
 */
export class NatObserver implements Disposable {
  readonly #deps: NatObserverDeps
  readonly #find: typeof findNatType
  readonly #times: NatObserverTimes
  readonly #listeners = new Set<() => void>()
  #type = UNKNOWN_NAT
  #address: string | undefined
  /** Keys of reflectors that did not answer when others did. */
  readonly #silent = new Set<string>()
  /** Keys of all reflectors that there were at the last look, */
  #there: ReadonlySet<string> = new Set()
  /** and at any test since the addresses of this node have changed. */
  readonly #considered = new Set<string>()
  #egress: ReadonlySet<string> = new Set()
  /** All that can be known is known. */
  #isSettled = false
  #retryMs: number
  /** Tests are spaced by it: a time of which each one takes `spacingMs`. */
  #freeAt = 0
  #timer: NodeJS.Timeout | undefined
  #running: AbortController | undefined
  /** Another test is to follow the one that runs. */
  #isOutdated = false
  #isStopped = false

  constructor(deps: NatObserverDeps) {
    this.#deps = deps
    this.#find = deps.find ?? findNatType
    this.#times = deps.times ?? DEFAULT_NAT_OBSERVER_TIMES
    this.#retryMs = this.#times.firstRetryMs
    deps.metrics.nat.set(this.#type, 1)
  }

  /** `UNKNOWN_NAT` until it is known, and while no reflector answers. */
  get type(): NatType {
    return this.#type
  }

  /**
   * The IP address that a reflector saw this node come from. Tunnel servers may see another one: that of a proxy, or of the
   * other family.
   */
  get address(): string | undefined {
    return this.#address
  }

  /** Calls `listener` after each change of `type` or `address`, until it is disposed of. */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /**
   * The reflectors that can be asked now, of two hosts where there are two; none while no server is joined, or none has answered
   * when it was asked last.
   */
  reflectors(): readonly ReflectorAddress[] {
    const chosen = this.#chosen()
    return chosen.every((reflector) => this.#silent.has(reflectorKey(reflector))) ? [] : chosen
  }

  /** This node has other addresses than before: another NAT may be before it. */
  wake(): void {
    this.#considered.clear()
    this.#address = undefined
    this.#running?.abort()
    this.#running = undefined
    this.#lookAgain()
  }

  /** To be called after each change of the joined servers, or of the egress; costs nothing where neither is new. */
  update(): void {
    const now = new Set(allReflectors(this.#deps.joined()).map(reflectorKey))
    const came = now.difference(this.#there)
    this.#there = now
    const isNew = came.difference(this.#considered).size > 0
    const hasOtherEgress = new Set(this.#deps.egress()).difference(this.#egress).size > 0
    const isBack = came.size > 0 && !this.#isSettled
    if (now.size > 0 && (isNew || hasOtherEgress || isBack)) this.#lookAgain()
  }

  [Symbol.dispose](): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#running?.abort()
  }

  #chosen(): readonly ReflectorAddress[] {
    return chooseReflectors(this.#deps.joined(), this.#silent)
  }

  #lookAgain(): void {
    this.#isSettled = false
    this.#silent.clear()
    this.#retryMs = this.#times.firstRetryMs
    this.#egress = new Set(this.#deps.egress())
    for (const key of this.#there) this.#considered.add(key)
    if (this.#running === undefined) this.#schedule(this.#times.settleMs)
    else this.#isOutdated = true
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return
    clearTimeout(this.#timer)
    const spacedMs = this.#freeAt - 2 * this.#times.spacingMs - performance.now()
    this.#timer = setTimeout(() => void this.#run(), Math.max(delayMs, spacedMs))
  }

  async #run(): Promise<void> {
    const abort = new AbortController()
    this.#running = abort
    this.#freeAt = Math.max(this.#freeAt, performance.now()) + this.#times.spacingMs
    const { found, asked } = await this.#test(abort.signal)
    // Another one follows, or nothing does.
    if (abort.signal.aborted) return
    this.#running = undefined
    // The next server that is joined may be asked.
    if (asked === 0) return
    this.#learn(found)
    this.#goOn(found !== undefined && (isComplete(found.type) || asked === 1))
  }

  #goOn(isSettled: boolean): void {
    this.#isSettled = isSettled && !this.#isOutdated
    if (this.#isOutdated) this.#schedule(this.#times.settleMs)
    else if (!isSettled) {
      this.#schedule(this.#retryMs)
      this.#retryMs = Math.min(this.#retryMs * 2, this.#times.maxRetryMs)
    }
    this.#isOutdated = false
  }

  /** Asks others in place of those that are silent, where there are others. Never rejects. */
  async #test(signal: AbortSignal): Promise<{ found: FoundNat | undefined; asked: number }> {
    for (;;) {
      const reflectors = this.#chosen()
      const found = reflectors.length === 0 ? undefined : await this.#ask(reflectors, signal)
      const answered = new Set(found?.answered.map(reflectorKey))
      const silent = reflectors.map(reflectorKey).filter((key) => !answered.has(key))
      const areOld = silent.every((key) => this.#silent.has(key))
      for (const key of silent) this.#silent.add(key)
      for (const key of answered) this.#silent.delete(key)
      const areSame = silent.every((key) => this.#chosen().some((next) => reflectorKey(next) === key))
      if (signal.aborted || areOld || areSame) return { found, asked: reflectors.length }
    }
  }

  async #ask(reflectors: readonly ReflectorAddress[], signal: AbortSignal): Promise<FoundNat | undefined> {
    try {
      return await this.#find(reflectors, signal)
    } catch (error) {
      this.#deps.logger.debug('the NAT type of this node could not be found out', { error })
      return undefined
    }
  }

  #learn(found: FoundNat | undefined): void {
    const type = found?.type ?? UNKNOWN_NAT
    const address = found?.mapping.ip
    const nat = formatNatType(type)
    const isOther = nat !== formatNatType(this.#type)
    if (!isOther && address === this.#address) return
    const { metrics, logger } = this.#deps
    metrics.nat.set(this.#type, 0)
    metrics.nat.set(type, 1)
    this.#type = type
    this.#address = address
    if (found === undefined) logger.info('the NAT type of this node is not known: no reflector answers')
    else if (isOther) logger.info('found out the NAT type of this node', { nat, address })
    for (const listener of [...this.#listeners]) listener()
  }
}

function allReflectors(servers: readonly ReflectingServer[]): readonly ReflectorAddress[] {
  return servers.flatMap((server) => chooseReflectors([server], new Set()))
}

function isComplete({ mapping, filtering }: NatType): boolean {
  return mapping !== 'unknown' && filtering !== 'unknown'
}
