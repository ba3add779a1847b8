import { maglevTable } from '../../model/maglev.ts'
import type { KernelSlot } from '../../model/rule.ts'

/** Up to so many places, a table for random choice has exactly as many as its shares need. */
const MAX_EXACT = 16

/** More shares are rounded to the places of a table with at least 16 for each, which keeps them within 1/16. */
const ROUNDED_SIZES = [512, 1_024, 2_048, 4_096] as const
const PLACES_PER_SHARE = 16

/** Sizes that tables for random choice have; the rules of the kernel are made for these. */
export const RANDOM_SIZES: readonly number[] = [
  ...Array.from({ length: MAX_EXACT }, (_, i) => i + 1),
  ...ROUNDED_SIZES,
]

/** Primes, as Maglev needs them: the greater one for more shares than the smaller can give 10 places each. */
const SMALL_HASH_SIZE = 251
const LARGE_HASH_SIZE = 4_093
const MAX_SHARES_OF_SMALL = 25

/** Sizes that tables for the choice by the client's address have. */
export const HASH_SIZES: readonly number[] = [SMALL_HASH_SIZE, LARGE_HASH_SIZE]

/** A table whose places are equally likely: each slot has its share of them. Its length is one of `RANDOM_SIZES`. */
export function randomTable(slots: readonly KernelSlot[]): readonly KernelSlot[] {
  const shares = sharesOf(slots)
  const total = sumOf(shares)
  if (total <= MAX_EXACT) return fill(slots, shares)
  const size = ROUNDED_SIZES.find((places) => places >= total * PLACES_PER_SHARE) ?? 4_096
  return fill(slots, apportion(shares, size))
}

/** A table for consistent hashing of clients' addresses. Its length is one of `HASH_SIZES`. */
export function hashTable(slots: readonly KernelSlot[]): readonly KernelSlot[] {
  const shares = sharesOf(slots)
  const size = sumOf(shares) > MAX_SHARES_OF_SMALL ? LARGE_HASH_SIZE : SMALL_HASH_SIZE
  const backends = slots.map((slot, i) => ({ key: `${slot.ip} ${slot.port}`, weight: shares[i] ?? 1, slot }))
  return maglevTable(backends, size).map(({ slot }) => slot)
}

/** The weights in lowest terms. */
function sharesOf(slots: readonly KernelSlot[]): readonly number[] {
  const divisor = slots.reduce((common, { weight }) => greatestCommonDivisor(common, weight), 0)
  return slots.map(({ weight }) => weight / divisor)
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0)
}

/** Divides places among shares: the integer part first, then one more to those with the largest remainders. */
function apportion(shares: readonly number[], places: number): readonly number[] {
  const total = sumOf(shares)
  const exact = shares.map((share) => (share * places) / total)
  const missing = places - sumOf(exact.map(Math.floor))
  const favoured = new Set(
    exact
      .map((quota, i) => ({ i, remainder: quota % 1 }))
      .toSorted((a, b) => b.remainder - a.remainder)
      .slice(0, missing)
      .map(({ i }) => i),
  )
  return exact.map((quota, i) => Math.floor(quota) + (favoured.has(i) ? 1 : 0))
}

function fill(slots: readonly KernelSlot[], places: readonly number[]): readonly KernelSlot[] {
  return slots.flatMap((slot, i) => new Array<KernelSlot>(places[i] ?? 0).fill(slot))
}
