import { readFile } from 'node:fs/promises'

const KIB = 1024

/** Resident memory of a process now, in bytes: without what the kernel keeps for its sockets and pipes. */
export async function residentBytes(pid: number): Promise<number> {
  return parseResidentBytes(await readFile(`/proc/${pid}/status`, 'utf8'))
}

/** @param status - content of `/proc/<pid>/status` */
export function parseResidentBytes(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * KIB
}

/** The most it was. @param status - content of `/proc/<pid>/status` */
export function parsePeakBytes(status: string): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * KIB
}
