import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MemoryLogger } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { OfflineStore } from './offline-store.ts'

/** A folder for a store, and the log of whoever opens it. */
class TestFolder implements AsyncDisposable {
  readonly file: string
  readonly logger = new MemoryLogger()
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
    this.file = join(folder, 'data/edgeway.db')
  }

  static async make(): Promise<TestFolder> {
    return new TestFolder(await mkdtemp(join(tmpdir(), 'edgeway-store-')))
  }

  open(): OfflineStore {
    return OfflineStore.open(this.file, this.logger)
  }

  /** Opens the store, does that, and closes it again. */
  async use(work: (store: OfflineStore) => void): Promise<void> {
    await using store = this.open()
    work(store)
  }

  get warnings(): unknown[] {
    return this.logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true })
  }
}

const web = (revision: number, value: unknown = { port: 80 }) => ({
  key: 'shop/web',
  uid: 'u1',
  revision,
  value,
})

describe('the offline store', () => {
  it('knows after a restart what was noted, by kind, and that a list was complete', async () => {
    await using folder = await TestFolder.make()
    await folder.use((store) => {
      store.note('services', web(7))
      store.note('nodes', { key: 'edge-1', uid: 'u2', revision: 8, value: { name: 'edge-1' } })
      store.noteListed('services', 9)
    })

    await using store = folder.open()
    expect(store.take('services')).toEqual([{ ...web(7), malformed: false }])
    expect([store.listRevisionOf('services'), store.listRevisionOf('nodes')]).toEqual([9, undefined])
  })

  it('keeps the latest of an object, and forgets one that is gone', async () => {
    await using folder = await TestFolder.make()
    await folder.use((store) => {
      store.note('services', web(7))
      store.note('services', web(8, { port: 81 }))
      store.note('services', { ...web(9), key: 'shop/gone' })
    })
    await folder.use((store) => store.note('services', { ...web(10), key: 'shop/gone', value: undefined }))

    await using store = folder.open()
    expect(store.take('services')).toEqual([{ ...web(8, { port: 81 }), malformed: false }])
  })

  it.each([
    [
      'no database',
      'nonsense that is longer than the header of a database, which has a hundred bytes, so that it is read at all',
    ],
    ['cut off', undefined],
  ])('that is %s is set aside, said so, and begun anew', async (_what, content) => {
    await using folder = await TestFolder.make()
    await folder.use((store) => {
      for (let index = 0; index < 500; index++)
        store.note('services', { ...web(index), key: `shop/${index}` })
    })
    const whole = await readFile(folder.file)
    await writeFile(folder.file, content ?? whole.subarray(0, whole.length / 2))

    await folder.use((store) => {
      expect(store.take('services')).toEqual([])
      store.note('services', web(1))
    })
    expect(folder.warnings).toEqual(['offline store can not be used, starting without'])
    await using store = folder.open()
    expect(store.take('services')).toHaveLength(1)
  })

  it('of another version is left alone', async () => {
    await using folder = await TestFolder.make()
    await folder.use((store) => store.note('services', web(7)))
    const database = new DatabaseSync(folder.file)
    database.exec('PRAGMA user_version = 99')
    database.close()
    await folder.use((store) => store.note('services', web(8)))

    const after = new DatabaseSync(folder.file)
    expect(after.prepare('SELECT revision FROM objects').all()).toEqual([{ revision: 7 }])
    after.close()
    expect(folder.warnings).toEqual(['offline store can not be used, starting without'])
  })

  it('that somebody else holds is left as it is', async () => {
    await using folder = await TestFolder.make()
    await folder.use((store) => store.note('services', web(7)))
    const holder = new DatabaseSync(folder.file)
    holder.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    await folder.use((store) => {
      expect(store.take('services')).toEqual([])
      store.note('services', web(8))
    })
    expect(folder.warnings).toEqual(['offline store can not be used, starting without'])
    expect(existsSync(`${folder.file}.broken`)).toBe(false)

    holder.close()
    await using store = folder.open()
    expect(store.take('services')).toMatchObject([{ revision: 7 }])
  })

  it('is closed once, however often it is asked for', async () => {
    await using folder = await TestFolder.make()
    const store = folder.open()
    store.note('services', web(7))
    await Promise.all([store[Symbol.asyncDispose](), store[Symbol.asyncDispose]()])
    await store[Symbol.asyncDispose]()
    store.note('services', web(8))

    await using again = folder.open()
    expect(again.take('services')).toMatchObject([{ revision: 7 }])
  })

  it('whose worker died says so once, and is closed all the same', async () => {
    await using folder = await TestFolder.make()
    await folder.use((store) => {
      // More than its memory holds, and in one piece since it goes in no value.
      for (const letter of 'abcd') store.noteListed(letter.repeat(64 * 1_024 * 1_024), 1)
    })
    const errors = folder.logger.lines.filter(({ level }) => level === 'error')
    expect(errors.map(({ message }) => message)).toEqual(['the offline store is not written any more'])
    expect(folder.warnings).toEqual([])
  })

  it('that can not be written says so once and harms nobody', async () => {
    await using folder = await TestFolder.make()
    // A folder where the file should be.
    await writeFile(join(folder.file, '../..', 'data'), '')
    await folder.use((store) => store.note('services', web(7)))

    expect(folder.warnings).toContain('offline store can not be used, starting without')
  })
})
