import type { Upstream } from './upstream.ts'

/** One lost datagram does not make an upstream a failed one. */
const FAILURES_UNTIL_DOWN = 2

/** `down`: it does not answer, and is asked after all others. `loop`: it sends queries back to us, and is not asked. */
export type UpstreamState = 'up' | 'down' | 'loop'

interface Member {
  readonly upstream: Upstream
  state: UpstreamState
  /** In a row. */
  failures: number
  /** When it last replied to anything. */
  repliedAt: number
}

/** The upstreams of a group in their order of preference, and how each of them does. Pure state. */
export class UpstreamPool {
  #members: readonly Member[] = []

  /** Replaces the upstreams; what is known of those that stay is kept, their objects too. */
  replace(upstreams: readonly Upstream[]): void {
    this.#members = upstreams.map(
      (upstream) =>
        this.#find(upstream) ?? {
          upstream,
          state: 'up',
          failures: 0,
          repliedAt: Number.NEGATIVE_INFINITY,
        },
    )
  }

  get all(): readonly Upstream[] {
    return this.#members.map(({ upstream }) => upstream)
  }

  /** Those to ask, best first. */
  inOrder(): readonly Upstream[] {
    const first: Upstream[] = []
    const last: Upstream[] = []
    for (const { state, upstream } of this.#members) {
      if (state === 'up') first.push(upstream)
      if (state === 'down') last.push(upstream)
    }
    return first.concat(last)
  }

  /** `undefined` for those that are not of the group, or no more. */
  stateOf(upstream: Upstream): UpstreamState | undefined {
    return this.#find(upstream)?.state
  }

  /**
   * A query got no reply. Where others did meanwhile, it is the name that is slow to resolve, as anybody may have one: that
   * says nothing about the upstream.
   *
   * @param askedAt - as `repliedAt` of `succeeded`
   * @returns whether it counts as down from now on
   */
  failed(upstream: Upstream, askedAt: number): boolean {
    const member = this.#find(upstream)
    if (member === undefined || member.repliedAt > askedAt) return false
    member.failures++
    if (member.state !== 'up' || member.failures < FAILURES_UNTIL_DOWN) return false
    member.state = 'down'
    return true
  }

  /**
   * @param repliedAt - in milliseconds, from any start on, never backwards
   * @returns whether it did not answer until now
   */
  succeeded(upstream: Upstream, repliedAt: number): boolean {
    const member = this.#find(upstream)
    if (member !== undefined) member.repliedAt = repliedAt
    return this.#become(upstream, 'up')
  }

  /** @returns whether that is new */
  looped(upstream: Upstream): boolean {
    return this.#become(upstream, 'loop')
  }

  /** One that sent queries back to us is silent now. */
  silent(upstream: Upstream): void {
    this.#become(upstream, 'down')
  }

  #become(upstream: Upstream, state: UpstreamState): boolean {
    const member = this.#find(upstream)
    if (member === undefined) return false
    const isNew = member.state !== state
    member.state = state
    if (state === 'up') member.failures = 0
    return isNew
  }

  #find({ name }: Upstream): Member | undefined {
    return this.#members.find(({ upstream }) => upstream.name === name)
  }
}
