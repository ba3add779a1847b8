import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

const POLL_MS = 20
/** For temporary folders and the like to be removed. */
const GRACE_MS = 3_000
/** Killed processes only take longer in a call that the kernel can't break off. */
const PATIENCE_MS = 5_000

/** Processes that a process started, that these started, and so on, as proc(5) has them. */
export function descendantsOf(pid: number): readonly number[] {
  const children = (readIfThere(`/proc/${pid}/task/${pid}/children`) ?? '')
    .split(' ')
    .filter((child) => child !== '')
    .map(Number)
  return children.flatMap((child) => [child, ...descendantsOf(child)])
}

/** Tells processes to end, kills those that don't, and resolves when all have ended. */
export async function endAll(pids: readonly number[], graceMs = GRACE_MS): Promise<void> {
  await sendAll('SIGTERM', pids, graceMs)
  await sendAll('SIGKILL', pids, PATIENCE_MS)
}

async function sendAll(signal: NodeJS.Signals, pids: readonly number[], patienceMs: number): Promise<void> {
  for (const pid of pids) send(signal, pid)
  const deadline = Date.now() + patienceMs
  while (pids.some(isRunning) && Date.now() < deadline) await setTimeout(POLL_MS)
}

function send(signal: NodeJS.Signals, pid: number): void {
  try {
    if (isRunning(pid)) process.kill(pid, signal)
  } catch {
    // It has ended meanwhile.
  }
}

/** One that has ended may stay as a zombie where nobody asks how it ended. */
function isRunning(pid: number): boolean {
  const stat = readIfThere(`/proc/${pid}/stat`)
  return stat !== undefined && !/^.*\) [ZX]/s.test(stat)
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // The process has ended.
    return undefined
  }
}
