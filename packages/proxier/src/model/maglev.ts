/** What a share of a lookup table is given to. */
export interface MaglevBackend {
  /** Tells it from the others; its places in the table follow from it. */
  readonly key: string
  /** A positive integer: its share of the table, relative to the others'. */
  readonly weight: number
}

/**
 * A lookup table for consistent hashing: each place holds a backend, each backend has about its share of the places, and
 * few places change hands among those that stay when one comes or goes. Equal backends give equal tables, whatever
 * their order.
 *
 * @param backends - with distinct keys
 * @param size - a prime, much greater than the sum of weights
 * @returns one backend for each place; empty if and only if `backends` is empty
 * @see Eisenbud et al. 2016, "Maglev: A Fast and Reliable Software Network Load Balancer", section 3.4
 */
export function maglevTable<B extends MaglevBackend>(backends: readonly B[], size: number): readonly B[] {
  const table: B[] = new Array<B>(backends.length === 0 ? 0 : size)
  const takers = backends
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map((backend) => ({ backend, credit: 0, next: preferences(backend.key, size) }))
  const heaviest = Math.max(...backends.map(({ weight }) => weight))
  for (let free = table.length; free > 0; ) {
    for (const taker of takers) {
      taker.credit += taker.backend.weight
      if (taker.credit < heaviest || free === 0) continue
      taker.credit -= heaviest
      table[firstFree(table, taker.next)] = taker.backend
      free -= 1
    }
  }
  return table
}

function firstFree(table: readonly unknown[], next: () => number): number {
  let place = next()
  while (table[place] !== undefined) place = next()
  return place
}

/** Walks all places of a table in an order of the key's own; as its size is prime, each comes once in a round. */
function preferences(key: string, size: number): () => number {
  const skip = (hash32(key, 0x9747b28c) % (size - 1)) + 1
  let place = hash32(key, 0x811c9dc5) % size
  return () => {
    place = (place + skip) % size
    return place
  }
}

/** FNV-1a over UTF-16 code units, then the finalizer of MurmurHash3: short keys would otherwise clump. */
function hash32(text: string, seed: number): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
