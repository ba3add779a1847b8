import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { LabError } from '../lab/errors.ts'

/** One line of a program's JSON log. */
export interface LogEntry {
  readonly level: string
  /** ISO 8601, UTC. */
  readonly time: string
  readonly message: string
  readonly [field: string]: unknown
}

const POLL_MS = 20

/** The JSON log that a program writes to a file; lines that are no JSON (a crash's last words) are passed over. */
export class ProcessLog {
  readonly file: string

  constructor(file: string) {
    this.file = file
  }

  async entries(): Promise<LogEntry[]> {
    const lines = (await readFile(this.file, 'utf8')).split('\n')
    return lines.map(parseEntry).filter((entry) => entry !== undefined)
  }

  /** How many entries there are now: a place from which `waitFor` can start. */
  async mark(): Promise<number> {
    return (await this.entries()).length
  }

  /**
   * The first entry after `mark` that matches, waiting for it where it is not there yet.
   *
   * @throws {LabError} with the last lines when none comes within `timeoutMs`
   */
  async waitFor(
    matches: (entry: LogEntry) => boolean,
    { mark = 0, timeoutMs = 60_000 }: { readonly mark?: number; readonly timeoutMs?: number } = {},
  ): Promise<LogEntry> {
    const deadline = Date.now() + timeoutMs
    for (;;) {
      const entries = await this.entries()
      const found = entries.slice(mark).find(matches)
      if (found !== undefined) return found
      if (Date.now() > deadline) {
        const last = entries.slice(-20).map((entry) => JSON.stringify(entry))
        throw new LabError(
          `${this.file} got no such line within ${timeoutMs} ms; its last:\n${last.join('\n')}`,
        )
      }
      await delay(POLL_MS)
    }
  }
}

function parseEntry(line: string): LogEntry | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as LogEntry
  } catch {
    // The last line, still being written.
    return undefined
  }
}
