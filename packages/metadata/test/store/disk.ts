/** Plays one story about the disk of a store, in a mount namespace of its own, and prints what it saw as JSON. */
import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { MemoryLogger } from '@edgeway/testbed'
import { OfflineStore } from '../../src/store/offline-store.ts'

const NOBODY = 65_534
const POLL_MS = 2
/** A story that gets nowhere ends by itself, whoever started it is gone by then. */
const DEADLINE_MS = 20_000
const TIMES = { flushMs: 1, retryMs: 5, idleMs: 5 }
const [, , story = '', folder = ''] = process.argv
const file = join(folder, 'data/edgeway.db')
const seen: Record<string, unknown> = {}

class Session {
  readonly logger = new MemoryLogger()
  readonly store = OfflineStore.open(file, this.logger, TIMES)

  get found(): number {
    return this.store.take('services').length
  }

  note(count: number): this {
    for (let index = 0; index < count; index++) this.store.note('services', object(index))
    this.store.noteListed('services', count)
    return this
  }

  /** Waits for that line of the log. */
  async said(message: string): Promise<void> {
    const deadline = Date.now() + DEADLINE_MS
    while (!this.logger.lines.some((line) => line.message === message)) {
      if (Date.now() > deadline) throw new Error(`"${message}" was not said`)
      await delay(POLL_MS)
    }
  }

  get words(): string[] {
    return this.logger.lines.map(({ level, message }) => `${level} ${message}`)
  }

  async close(): Promise<void> {
    await this.store[Symbol.asyncDispose]()
  }
}

function object(index: number) {
  return { key: `shop/${index}`, uid: `u${index}`, revision: index + 1, value: { text: 'x'.repeat(1_000) } }
}

function mount(...parameters: readonly string[]): void {
  execFileSync('/bin/mount', parameters)
}

/** Notes what the store says once it is written again, and what the next start finds. */
async function seeItWritten(session: Session): Promise<void> {
  await session.said('offline store is written again')
  seen['words'] = session.words
  await session.close()
  const next = new Session()
  seen['foundAfter'] = next.found
  await next.close()
}

/** Leaves no room for a page. */
function fillDisk(): void {
  try {
    for (let each = 0; ; each++) writeFileSync(join(folder, `filler-${each}`), Buffer.alloc(4_096))
  } catch {
    // Now nothing goes in any more.
  }
}

const STORIES: Readonly<Record<string, () => Promise<void>>> = {
  async 'fills up'() {
    mount('-t', 'tmpfs', '-o', 'size=512k', 'none', folder)
    const session = new Session().note(2_000)
    await session.said('offline store can not be written, will retry')
    seen['failing'] = session.store.isFailing
    mount('-o', 'remount,size=64m', folder)
    await session.said('offline store is written again')
    seen['failingAfter'] = session.store.isFailing
    seen['words'] = session.words
    await session.close()
    const next = new Session()
    seen['found'] = next.found
    await next.close()
  },
  async 'is full at the start'() {
    mount('-t', 'tmpfs', '-o', 'size=4m', 'none', folder)
    await new Session().note(100).close()
    fillDisk()
    const session = new Session()
    seen['found'] = session.found
    seen['listed'] = session.store.listRevisionOf('services')
    seen['failing'] = session.store.isFailing
    session.note(101)
    mount('-o', 'remount,size=64m', folder)
    await seeItWritten(session)
  },
  async 'is read-only at the start'() {
    mount('-t', 'tmpfs', 'none', folder)
    await new Session().note(100).close()
    mount('-o', 'remount,ro', folder)
    const session = new Session()
    seen['found'] = session.found
    seen['failing'] = session.store.isFailing
    session.note(101)
    mount('-o', 'remount,rw', folder)
    await seeItWritten(session)
  },
  async 'becomes read-only'() {
    mount('-t', 'tmpfs', 'none', folder)
    const first = new Session().note(100)
    await first.close()
    const session = new Session()
    mount('-o', 'remount,ro', folder)
    session.note(101)
    await session.said('offline store can not be written, will retry')
    await session.close()
    seen['words'] = session.words
    const next = new Session()
    seen['foundAfter'] = next.found
    await next.close()
  },
  async 'belongs to somebody else'() {
    await new Session().note(100).close()
    chmodSync(file, 0o444)
    chmodSync(join(folder, 'data'), 0o555)
    process.setgid?.(NOBODY)
    process.setuid?.(NOBODY)
    const session = new Session()
    seen['found'] = session.found
    seen['failing'] = session.store.isFailing
    session.note(101)
    seen['words'] = session.words
    await session.close()
  },
}

await STORIES[story]?.()
process.stdout.write(JSON.stringify(seen))
process.exit(0)
