import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { MemoryLogger, seededRandom } from '@edgeway/testbed'
import { OfflineStore } from '../../src/store/offline-store.ts'
import { contentAfter } from './batch.ts'

const WRITER = fileURLToPath(new URL('writer.ts', import.meta.url))
/** A writer that lives long has filled the WAL more than once (SQLite empties it every 1,000 pages). */
const MAX_BATCHES = 80

export interface KillLoopOptions {
  readonly file: string
  readonly kills: number
  readonly seed: number
}

/** What the store was found to be after a kill. */
export interface KillFinding {
  /** The last batch that the writer said was written. */
  readonly told: number
  /** The batch that the store says it is of; -1 for an empty store. */
  readonly found: number
  /** What is wrong with the store. */
  readonly wrong: readonly string[]
}

/** Kills a writer with SIGKILL at random points, over and over on one store, and opens the store after each kill. */
export async function killLoop({ file, kills, seed }: KillLoopOptions): Promise<KillFinding[]> {
  const random = seededRandom(seed)
  const findings: KillFinding[] = []
  let next = 0
  for (let kill = 0; kill < kills; kill++) {
    const told = await writeUntilKilled(file, next, Math.floor(random() * MAX_BATCHES))
    const finding = await inspect(file, Math.max(told, next - 1))
    findings.push(finding)
    next = finding.found + 1
  }
  return findings
}

/** @returns the last batch that it told of, or -1 */
async function writeUntilKilled(file: string, first: number, batches: number): Promise<number> {
  const writer = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', WRITER, file, String(first)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const closed = once(writer, 'close')
  let told = -1
  for await (const line of createInterface({ input: writer.stdout })) {
    told = Number(line)
    // What it has written until it dies is read, too.
    if (told - first >= batches) writer.kill('SIGKILL')
  }
  const [, signal] = await closed
  if (signal !== 'SIGKILL') throw new Error('the writer ended by itself')
  return told
}

async function inspect(file: string, told: number): Promise<KillFinding> {
  const logger = new MemoryLogger()
  await using store = OfflineStore.open(file, logger)
  const found = store.listRevisionOf('services') ?? -1
  const wrong = logger.lines.filter(({ level }) => level !== 'info').map(({ message }) => message)
  if (found < told) wrong.push(`batch ${told} was written, and is lost`)
  const expected = found < 0 ? new Map() : contentAfter(found)
  const objects = store.take('services')
  if (objects.length !== expected.size) wrong.push(`${objects.length} objects instead of ${expected.size}`)
  for (const { key, revision, value } of objects)
    if (JSON.stringify(expected.get(key)) !== JSON.stringify({ revision, value }))
      wrong.push(`${key} is not as written`)
  return { told, found, wrong }
}
