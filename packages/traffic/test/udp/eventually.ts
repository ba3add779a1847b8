import { readdirSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'

const PATIENCE_MS = 10_000
const EVERY_MS = 2

/** Waits until `look` sees something. Also for processes that run without the test runner. */
export async function eventually<T>(look: () => T | undefined): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const seen = look()
    if (seen !== undefined) return seen
    if (performance.now() > deadline) throw new Error('it never came about')
    await wait(EVERY_MS)
  }
}

export async function eventuallyTrue(look: () => boolean): Promise<void> {
  await eventually(() => look() || undefined)
}

/** Sockets and files that this process holds open. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length
}
