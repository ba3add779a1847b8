import { readFile } from 'node:fs/promises'

/** proc(5): times are in ticks; Linux has 100 a second for user space. */
const TICKS_PER_SECOND = 100

/** CPU time that the processes have used so far, user and system, in seconds. */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  return sumOf(pids, cpuTicks)
}

/** The same, with that of the commands they ran to their end. */
export async function cpuSecondsWithChildren(pids: readonly number[]): Promise<number> {
  return sumOf(pids, cpuTicksWithChildren)
}

/** CPU time that the machine has spent so far on whatever it was, all cores together, in seconds. */
export async function machineCpuSeconds(): Promise<number> {
  return machineCpuTicks(await readFile('/proc/stat', 'utf8')) / TICKS_PER_SECOND
}

/**
 * User and system time, fields 14 and 15.
 *
 * @param stat - content of `/proc/<pid>/stat`; the command in it may hold spaces and parentheses
 */
export function cpuTicks(stat: string): number {
  const fields = fieldsAfterCommand(stat)
  return Number(fields[11]) + Number(fields[12])
}

/** Also those of children that were waited for, fields 16 and 17. */
export function cpuTicksWithChildren(stat: string): number {
  const fields = fieldsAfterCommand(stat)
  return cpuTicks(stat) + Number(fields[13]) + Number(fields[14])
}

/**
 * All but idle, iowait and steal; guests are in user time already.
 *
 * @param stat - content of `/proc/stat`
 */
export function machineCpuTicks(stat: string): number {
  const [, numbers = ''] = /^cpu +(.*)$/m.exec(stat) ?? []
  const [user, nice, system, , , irq, softirq] = numbers.split(' ').map(Number)
  return [user, nice, system, irq, softirq].reduce((sum: number, ticks) => sum + (ticks ?? Number.NaN), 0)
}

async function sumOf(pids: readonly number[], ticksIn: (stat: string) => number): Promise<number> {
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8')))
  return stats.map(ticksIn).reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND
}

function fieldsAfterCommand(stat: string): readonly string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}
