import type { LabProcess } from '@edgeway/testbed'

const POLL_MS = 5

/**
 * The first line of a process's output that is as wanted.
 *
 * @throws {Error} when there is none in time, or the process has ended
 */
export async function untilLine<Line>(
  source: LabProcess,
  { isWanted, withinMs }: { readonly isWanted: (line: Line) => boolean; readonly withinMs: number },
): Promise<Line> {
  const deadline = Date.now() + withinMs
  for (;;) {
    const { running } = source
    const found = jsonLinesIn<Line>(await source.output()).find(isWanted)
    if (found !== undefined) return found
    if (!running) throw new Error(`process ${source.pid} has ended: see ${source.logFile}`)
    if (Date.now() > deadline) throw new Error(`nothing of the kind within ${withinMs / 1_000} s`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** Complete lines that are JSON objects; others are left out. */
export function jsonLinesIn<Line>(output: string): readonly Line[] {
  const complete = output.split('\n').slice(0, -1)
  return complete.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line)
}
