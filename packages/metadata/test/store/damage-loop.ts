import { copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import { MemoryLogger, type Random, seededRandom } from '@edgeway/testbed'
import { openDatabase, writeBatch } from '../../src/store/database.ts'
import { OfflineStore } from '../../src/store/offline-store.ts'
import { batch, contentAfter } from './batch.ts'

export const DAMAGES = [
  'flipped bits',
  'cut off',
  'flipped bits in the WAL',
  'WAL cut off',
  'blank sector',
] as const

export type Damage = (typeof DAMAGES)[number]

export interface DamageLoopOptions {
  readonly file: string
  readonly damage: Damage
  readonly rounds: number
  readonly seed: number
}

/** The last batch of what is damaged. */
const LAST = 40
const SECTOR = 512
const MAX_FLIPS = 8

/**
 * Damages one store in one way at random places, over and over, and opens it each time.
 *
 * @returns what is wrong with how it was dealt with
 */
export async function damageLoop(options: DamageLoopOptions): Promise<string[]> {
  const random = seededRandom(options.seed)
  const whole = `${options.file}.whole`
  await prepare(whole, options.damage)
  const wrong: string[] = []
  for (let round = 0; round < options.rounds; round++) {
    await restore(whole, options.file)
    await spoil(options, random)
    for (const each of await inspect(options)) wrong.push(`round ${round}: ${each}`)
  }
  return wrong
}

/** A store as a killed process leaves it: all of it in the file, or half of it in the WAL, if that is damaged. */
async function prepare(whole: string, damage: Damage): Promise<void> {
  const database = openDatabase(`${whole}.live`)
  const lastInFile = damage.includes('WAL') ? LAST / 2 : LAST
  for (let index = 0; index <= LAST; index++) {
    writeBatch(database, batch(index))
    if (index === lastInFile) database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }
  await copyFile(`${whole}.live`, whole)
  await copyFile(`${whole}.live-wal`, `${whole}-wal`)
  database.close()
}

async function restore(whole: string, file: string): Promise<void> {
  for (const suffix of ['-shm', '.broken']) await rm(file + suffix, { force: true })
  for (const suffix of ['', '-wal']) await copyFile(whole + suffix, file + suffix)
}

async function spoil({ file, damage }: DamageLoopOptions, random: Random): Promise<void> {
  const path = damage.includes('WAL') ? `${file}-wal` : file
  const bytes = await readFile(path)
  const at = Math.floor(random() * bytes.length)
  if (damage.includes('cut off')) {
    await writeFile(path, bytes.subarray(0, at))
    return
  }
  if (damage === 'blank sector') bytes.fill(0, at - (at % SECTOR), at - (at % SECTOR) + SECTOR)
  else flip(bytes, random)
  await writeFile(path, bytes)
}

function flip(bytes: Buffer, random: Random): void {
  const flips = 1 + Math.floor(random() * MAX_FLIPS)
  for (let each = 0; each < flips; each++) {
    const at = Math.floor(random() * bytes.length)
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << Math.floor(random() * 8)), at)
  }
}

/** Whatever is served was written, and less than everything is not served in silence. */
async function inspect({ file, damage }: DamageLoopOptions): Promise<string[]> {
  const logger = new MemoryLogger()
  await using store = OfflineStore.open(file, logger)
  const listed = store.listRevisionOf('services')
  const objects = store.take('services')
  const wrong = objects.filter(isNeverWritten).map(({ key }) => `${key} was never written`)
  const isSaid = logger.lines.some(({ level }) => level === 'warn')
  // A WAL counts up to where it is whole: what is beyond was never written, as far as anybody can tell.
  const isOfSomeBatch = listed !== undefined && isContentOf(listed, objects)
  const isAllowed = damage.includes('WAL') ? isOfSomeBatch : listed === LAST && isOfSomeBatch
  if (!isSaid && !isAllowed) wrong.push(`${objects.length} objects of list ${listed} without a word`)
  if (listed !== undefined && listed > 0 && !isOfSomeBatch) wrong.push(`not all of list ${listed}`)
  return wrong
}

type Stored = ReturnType<OfflineStore['take']>[number]

function isNeverWritten({ key, revision, value }: Stored): boolean {
  // Each object is in one batch, by its revision.
  const row = batch(Math.floor(revision / 20)).put.find((each) => each.revision === revision)
  return row?.key !== key || row.value !== JSON.stringify(value)
}

function isContentOf(listed: number, objects: readonly Stored[]): boolean {
  const expected = contentAfter(listed)
  return (
    objects.length === expected.size &&
    objects.every(({ key, revision }) => expected.get(key)?.revision === revision)
  )
}
