import type { Upstream } from './upstream.ts'

/** One lost datagram, or one name that is slow to resolve, does not make an upstream a failed one. */
const FAILURES_UNTIL_DOWN = 2

interface Member {
  readonly upstream: Upstream
  /** In a row. */
  failures: number
  /** `undefined` while it answers; else until when it is asked after all others, in milliseconds of the pool's clock. */
  downUntil: number | undefined
}

/** The upstreams in their order of preference, and which of them failed lately. Pure state: the caller tells the time. */
export class UpstreamPool {
  readonly #holdOffMs: number
  #members: readonly Member[] = []

  constructor(holdOffMs: number) {
    this.#holdOffMs = holdOffMs
  }

  /** Replaces the upstreams; what is known of those that stay is kept. */
  replace(upstreams: readonly Upstream[]): void {
    this.#members = upstreams.map(
      (upstream) => this.#find(upstream) ?? { upstream, failures: 0, downUntil: undefined },
    )
  }

  /**
   * Those to ask, best first. Of an upstream whose hold-off is over, the first query to come probes whether it is
   * back; the others go on without it until then.
   */
  inOrder(now: number): readonly Upstream[] {
    const first: Upstream[] = []
    const last: Upstream[] = []
    for (const member of this.#members) {
      const isHeldOff = member.downUntil !== undefined && now < member.downUntil
      if (isHeldOff) last.push(member.upstream)
      else first.push(member.upstream)
      if (member.downUntil !== undefined && !isHeldOff) member.downUntil = now + this.#holdOffMs
    }
    return first.concat(last)
  }

  /** @returns whether it counts as down from now on */
  failed(upstream: Upstream, now: number): boolean {
    const member = this.#find(upstream)
    if (member === undefined) return false
    const wasUp = member.downUntil === undefined
    member.failures++
    if (member.failures >= FAILURES_UNTIL_DOWN) member.downUntil = now + this.#holdOffMs
    return wasUp && member.downUntil !== undefined
  }

  /** @returns whether it counted as down until now */
  succeeded(upstream: Upstream): boolean {
    const member = this.#find(upstream)
    if (member === undefined) return false
    const wasDown = member.downUntil !== undefined
    member.failures = 0
    member.downUntil = undefined
    return wasDown
  }

  #find({ name }: Upstream): Member | undefined {
    return this.#members.find(({ upstream }) => upstream.name === name)
  }
}
