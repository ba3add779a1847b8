import { readdirSync, readFileSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Where `ip netns` keeps a file per namespace. */
export const NETNS_FOLDER = '/run/netns'

const GRACE_MS = 2_000
const POLL_MS = 20
/** A killed process is gone in milliseconds unless the kernel holds it; what it holds is not waited for longer. */
const KILL_ROUNDS = 100

/**
 * Variable that every process of a lab has in its environment, with the lab's id. Commands that build a lab run
 * outside its namespaces, and a process that was just started has not entered its namespace yet.
 */
export const LAB_VARIABLE = 'EDGEWAY_LAB'

/** Processes are told by the namespaces they are in, and, where a lab is given, by its mark. */
export interface ProcessScope {
  readonly namespaces: readonly string[]
  readonly lab?: string
}

/** Ids of all processes of that scope, by one walk over /proc. */
export function processesIn({ namespaces, lab }: ProcessScope): number[] {
  const inodes = new Set(namespaces.map((name) => inodeOf(`${NETNS_FOLDER}/${name}`)))
  inodes.delete(undefined)
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => inodes.has(inodeOf(`/proc/${pid}/ns/net`)) || (lab !== undefined && isMarked(pid, lab)))
    .map(Number)
}

/** Ends all processes of that scope: asks first, kills what is left after two seconds. */
export async function endProcessesIn(scope: ProcessScope): Promise<void> {
  const deadline = Date.now() + GRACE_MS
  const asked = new Set<number>()
  for (let pids = processesIn(scope); pids.length > 0; pids = processesIn(scope)) {
    if (Date.now() > deadline) return killProcessesIn(scope)
    signalAll(
      pids.filter((pid) => !asked.has(pid)),
      'SIGTERM',
    )
    for (const pid of pids) asked.add(pid)
    await delay(POLL_MS)
  }
}

/** Kills all processes of that scope and waits, without letting anything else run, until they are gone. */
export function killProcessesIn(scope: ProcessScope): void {
  const never = new Int32Array(new SharedArrayBuffer(4))
  for (let round = 0; round < KILL_ROUNDS; round++) {
    const pids = processesIn(scope)
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

function isMarked(pid: string, lab: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${LAB_VARIABLE}=${lab}`)
  } catch {
    // It has ended since it was seen.
    return false
  }
}
