import { FAMILY, ipText, type SocketAddress } from './socket-address.ts'

/** Clients whose texts are kept. One that falls on the same place as another takes it over. */
const PLACE_BITS = 10
const PLACES = 2 ** PLACE_BITS

/** 2^32 by the golden ratio: spreads neighbouring addresses (Knuth's multiplicative hashing). */
const FACTOR = 0x9e3779b1

/**
 * The IP addresses of clients of one family as text, which is dear to make. HOT PATH: nothing is allocated for a client
 * whose text is kept. Memory is bounded, whoever forges addresses.
 */
export class ClientTexts {
  /** Where the IP address is in a socket's address, in words. */
  readonly #first: number
  readonly #count: number
  readonly #texts: (string | undefined)[] = Array<string | undefined>(PLACES).fill(undefined)
  readonly #words: Uint32Array

  /** @param family - FAMILY.IPV4 or FAMILY.IPV6 */
  constructor(family: number) {
    this.#first = family === FAMILY.IPV6 ? 2 : 1
    this.#count = family === FAMILY.IPV6 ? 4 : 1
    this.#words = new Uint32Array(PLACES * this.#count)
  }

  /** As Node's own sockets tell it, without a zone. */
  textOf(address: SocketAddress): string {
    const from = address.offset + this.#first
    let hash = 0
    for (let word = 0; word < this.#count; word++)
      hash = Math.imul(hash ^ (address.words[from + word] ?? 0), FACTOR)
    const place = hash >>> (32 - PLACE_BITS)
    const known = this.#texts[place]
    if (known !== undefined && this.#holds(place, address.words, from)) return known
    return this.#keep(place, address)
  }

  #holds(place: number, words: Uint32Array, from: number): boolean {
    for (let word = 0; word < this.#count; word++)
      if (this.#words[place * this.#count + word] !== words[from + word]) return false
    return true
  }

  #keep(place: number, address: SocketAddress): string {
    const text = ipText(address)
    const from = address.offset + this.#first
    this.#texts[place] = text
    this.#words.set(address.words.subarray(from, from + this.#count), place * this.#count)
    return text
  }
}
