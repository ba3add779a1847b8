import { EdgewayError } from '@edgeway/core'
import { type Clock, wait } from '../time/clock.ts'
import type { Random } from '../time/random.ts'

export const LINK_STATES = ['up', 'down', 'half-open', 'flap'] as const

/** `half-open`: nothing gets through and nobody has noticed; `flap`: up and down in turns. */
export type LinkState = (typeof LINK_STATES)[number]

/** What a link is at a moment. */
export type LinkPhase = Exclude<LinkState, 'flap'>

export interface LinkSettings {
  readonly state: LinkState
  readonly rttMs: number
  /** Mean times of `flap`; each is drawn anew, ± 50 %. */
  readonly flapUpMs: number
  readonly flapDownMs: number
}

/** The message that KubeEdge gives to every write without a link. */
export class ConnectionLostError extends EdgewayError {
  override readonly name = 'ConnectionLostError'
  readonly code = 'ERR_CONNECTION_LOST'

  constructor() {
    super('connection lost between EdgeCore and CloudCore')
  }
}

export class CloudTimeoutError extends EdgewayError {
  override readonly name = 'CloudTimeoutError'
  readonly code = 'ERR_CLOUD_TIMEOUT'

  constructor(timeoutMs: number) {
    super(`timeout of ${timeoutMs} ms waiting for a response of CloudCore`)
  }
}

/** What the link is made of. */
export interface LinkParts {
  readonly clock: Clock
  readonly random: Random
  readonly rttMs: number
  readonly cloudTimeoutMs: number
}

/** The connection between EdgeHub on the node and CloudHub. */
export class Link implements Disposable {
  readonly #parts: LinkParts
  readonly #listeners = new Set<(phase: LinkPhase) => void>()
  /** Why there can be no connection, whatever the settings are. */
  readonly #obstacles = new Set<string>()
  #settings: LinkSettings
  #flapsUp = true
  #flap: Disposable | undefined
  #phase: LinkPhase = 'up'

  constructor(parts: LinkParts) {
    this.#parts = parts
    this.#settings = { state: 'up', rttMs: parts.rttMs, flapUpMs: 10_000, flapDownMs: 5_000 }
  }

  get phase(): LinkPhase {
    return this.#phase
  }

  get settings(): LinkSettings {
    return this.#settings
  }

  set(settings: Partial<LinkSettings>): void {
    this.#settings = { ...this.#settings, ...settings }
    this.#flap?.[Symbol.dispose]()
    this.#flapsUp = true
    if (this.#settings.state === 'flap') this.#scheduleFlap()
    this.#update()
  }

  /** Adds or removes a reason for the link to be down. */
  obstruct(reason: string, isThere: boolean): void {
    if (isThere) this.#obstacles.add(reason)
    else this.#obstacles.delete(reason)
    this.#update()
  }

  /** Calls back at each change. */
  onPhase(listener: (phase: LinkPhase) => void): void {
    this.#listeners.add(listener)
  }

  /**
   * Does something at the other end and brings back its result.
   *
   * @throws {ConnectionLostError} at once, when the link is known to be down
   * @throws {CloudTimeoutError} when nothing comes back in time
   */
  async call<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#phase === 'down') throw new ConnectionLostError()
    const { clock, cloudTimeoutMs } = this.#parts
    const late = Promise.withResolvers<never>()
    const timer = clock.after(cloudTimeoutMs, () => late.reject(new CloudTimeoutError(cloudTimeoutMs)))
    try {
      return await Promise.race([this.#roundTrip(work), late.promise])
    } finally {
      timer[Symbol.dispose]()
    }
  }

  [Symbol.dispose](): void {
    this.#flap?.[Symbol.dispose]()
    this.#listeners.clear()
    // What is still under way arrives nowhere.
    this.#phase = 'down'
  }

  async #roundTrip<Result>(work: () => Promise<Result>): Promise<Result> {
    const halfMs = this.#settings.rttMs / 2
    await wait(this.#parts.clock, halfMs)
    await this.#arrive()
    const result = await work()
    await wait(this.#parts.clock, halfMs)
    await this.#arrive()
    return result
  }

  /** Never resolves for what is under way when the link is not up: it is lost. */
  async #arrive(): Promise<void> {
    if (this.#phase !== 'up') await new Promise<never>(() => undefined)
  }

  #scheduleFlap(): void {
    const { flapUpMs, flapDownMs } = this.#settings
    const meanMs = this.#flapsUp ? flapUpMs : flapDownMs
    this.#flap = this.#parts.clock.after(meanMs * (0.5 + this.#parts.random()), () => {
      this.#flapsUp = !this.#flapsUp
      this.#scheduleFlap()
      this.#update()
    })
  }

  #update(): void {
    const phase = this.#obstacles.size > 0 ? 'down' : phaseOf(this.#settings.state, this.#flapsUp)
    if (phase === this.#phase) return
    this.#phase = phase
    for (const listener of this.#listeners) listener(phase)
  }
}

function phaseOf(state: LinkState, flapsUp: boolean): LinkPhase {
  if (state !== 'flap') return state
  return flapsUp ? 'up' : 'down'
}
