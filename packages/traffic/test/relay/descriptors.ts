import { readdirSync, readlinkSync } from 'node:fs'

/** How many of each kind; the numbers of sockets and pipes differ each time. */
export function descriptors(): Record<string, number> {
  const kinds: Record<string, number> = {}
  for (const fd of readdirSync('/proc/self/fd')) {
    const kind = kindOf(fd)
    if (kind !== undefined) kinds[kind] = (kinds[kind] ?? 0) + 1
  }
  return kinds
}

/** `undefined` for what has been closed since it was listed. */
function kindOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).replace(/:\[\d+\]$/, '')
  } catch {
    return undefined
  }
}
