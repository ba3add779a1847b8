import { readdirSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Where `ip netns` keeps a file per namespace. */
export const NETNS_FOLDER = '/run/netns'

const GRACE_MS = 2_000
const POLL_MS = 20
/** A killed process is gone in milliseconds unless the kernel holds it; what it holds is not waited for longer. */
const KILL_ROUNDS = 100

/** Ids of all processes in those namespaces: what `ip netns pids` says of each, by one walk over /proc. */
export function processesIn(namespaces: readonly string[]): number[] {
  const inodes = new Set(namespaces.map((name) => inodeOf(`${NETNS_FOLDER}/${name}`)))
  inodes.delete(undefined)
  if (inodes.size === 0) return []
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && inodes.has(inodeOf(`/proc/${entry}/ns/net`)))
    .map(Number)
}

/** Ends all processes in those namespaces: asks first, kills what is left after two seconds. */
export async function endProcessesIn(namespaces: readonly string[]): Promise<void> {
  const deadline = Date.now() + GRACE_MS
  const asked = new Set<number>()
  for (let pids = processesIn(namespaces); pids.length > 0; pids = processesIn(namespaces)) {
    if (Date.now() > deadline) return killProcessesIn(namespaces)
    signalAll(
      pids.filter((pid) => !asked.has(pid)),
      'SIGTERM',
    )
    for (const pid of pids) asked.add(pid)
    await delay(POLL_MS)
  }
}

/** Kills all processes in those namespaces and waits, without letting anything else run, until they are gone. */
export function killProcessesIn(namespaces: readonly string[]): void {
  const never = new Int32Array(new SharedArrayBuffer(4))
  for (let round = 0; round < KILL_ROUNDS; round++) {
    const pids = processesIn(namespaces)
    if (pids.length === 0) return
    signalAll(pids, 'SIGKILL')
    Atomics.wait(never, 0, 0, POLL_MS)
  }
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // It has ended since it was seen.
    }
  }
}

/** `undefined` for what is not there, or not any more. A zombie has no namespace any more either. */
function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino
  } catch {
    // Gone, or never there.
    return undefined
  }
}
