import { readFileSync } from 'node:fs'

/** A process, told from a later one with the same id by the time it started. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks since boot; field 22 of /proc/<pid>/stat, see proc_pid_stat(5). */
  readonly startTime: number
}

/** This very process. */
export function thisProcess(): ProcessIdentity {
  return { pid: process.pid, startTime: startTimeOf(process.pid) ?? 0 }
}

export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  return startTimeOf(pid) === startTime
}

/** `undefined` when there is no such process, or only its zombie. */
function startTimeOf(pid: number): number | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    // No such process.
    return undefined
  }
  // Field 2 is the command's name in parentheses and may hold anything; field 3 comes after the last of them.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state] = fields
  return state === 'Z' ? undefined : Number(fields[22 - 3])
}
