import type { Balancer, Candidate } from './balancer.ts'
import { RecentClients } from './recent-clients.ts'
import { WeightedRandom } from './weighted-random.ts'

export interface ClientIpAffinityOptions {
  /** A client keeps its endpoint until it has made no new flow for so long. */
  readonly timeoutMs: number
  readonly maxClients?: number
}

export interface ClientIpAffinityDeps {
  /** Milliseconds of a clock that never goes back. */
  now(): number
  /** From 0 to below 1, evenly. */
  random(): number
}

/** Of one ServicePort, some 10 MB. */
const DEFAULT_MAX_CLIENTS = 65_536

/**
 * Kubernetes' session affinity: a client keeps its endpoint, whatever the others have to do. A client that is new, or whose
 * endpoint is not among the candidates, gets one at random, by weight, and keeps that.
 */
export class ClientIpAffinity implements Balancer {
  readonly #clients: RecentClients
  readonly #now: () => number
  readonly #fresh: WeightedRandom

  constructor(
    { timeoutMs, maxClients = DEFAULT_MAX_CLIENTS }: ClientIpAffinityOptions,
    deps: ClientIpAffinityDeps,
  ) {
    this.#clients = new RecentClients({ timeoutMs, maxClients })
    this.#now = () => deps.now()
    this.#fresh = new WeightedRandom(() => deps.random())
  }

  pick<Item extends Candidate>(candidates: readonly [Item, ...Item[]], client: string): Item {
    const now = this.#now()
    const choice = withKey(candidates, this.#clients.endpointOf(client, now)) ?? this.#fresh.pick(candidates)
    this.#clients.note(client, choice.key, now)
    return choice
  }
}

function withKey<Item extends Candidate>(
  candidates: readonly Item[],
  key: string | undefined,
): Item | undefined {
  if (key === undefined) return undefined
  for (const candidate of candidates) if (candidate.key === key) return candidate
  return undefined
}
