import { isDeepStrictEqual } from 'node:util'
import { type Endpoint, formatEndpoint } from '@edgeway/core'

type Address = Pick<Endpoint, 'ip' | 'port' | 'protocol'>

/**
 * What is wrong about this node's endpoints as they are stored. Immutable. Both questions are asked with the stored
 * address, never with an answer of `presentIp`: addresses may have changed places.
 */
export class Corrections {
  readonly #moved: ReadonlyMap<string, string>
  readonly #dead: ReadonlySet<string>

  /**
   * @param moved - present address of each stored address whose pod has another one
   * @param dead - stored endpoints that nothing can be sent to
   */
  constructor(moved: ReadonlyMap<string, string> = new Map(), dead: Iterable<Address> = []) {
    this.#moved = new Map(moved)
    this.#dead = new Set(Array.from(dead, keyOf))
  }

  /** Where the pod of that stored address is now; the address itself where nothing better is known. */
  presentIp(ip: string): string {
    return this.#moved.get(ip) ?? ip
  }

  /** Whether that stored endpoint does not answer at its present address, or belongs to a pod that is gone. */
  isDead(endpoint: Address): boolean {
    // Mostly nothing is wrong; then no key is made.
    return this.#dead.size > 0 && this.#dead.has(keyOf(endpoint))
  }

  /** How many addresses, and how many endpoints. */
  get counts(): { readonly moved: number; readonly dead: number } {
    return { moved: this.#moved.size, dead: this.#dead.size }
  }

  equals(other: Corrections): boolean {
    return isDeepStrictEqual(this.#moved, other.#moved) && isDeepStrictEqual(this.#dead, other.#dead)
  }
}

/** While the source answers, what it says holds. */
export const NO_CORRECTIONS = new Corrections()

function keyOf({ ip, port, protocol }: Address): string {
  return formatEndpoint({ node: undefined, ip, port, protocol })
}
