import { readFile } from 'node:fs/promises'

/** proc(5): user and system time of a process are fields 14 and 15, in ticks; Linux has 100 a second for user space. */
const TICKS_PER_SECOND = 100

/** CPU time that the processes have used so far, user and system, in seconds. */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8')))
  return stats.map(cpuTicks).reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND
}

/** @param stat - content of `/proc/<pid>/stat`; the command in it may hold spaces and parentheses */
export function cpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}
