/** Plays one story about the disk of a file, in a mount namespace of its own, and prints what it saw as JSON. */
import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PrivateFile } from '../../src/state/private-file.ts'

const NOBODY = 65_534
const [, , story = '', folder = ''] = process.argv
const path = join(folder, 'value')
const file = new PrivateFile(path, { shared: true })

const STORIES: Readonly<Record<string, () => Promise<unknown>>> = {
  async 'is full'() {
    mount('-t', 'tmpfs', '-o', 'size=256k', 'none', folder)
    await file.write('old')
    fillDisk()
    const said = await refusal(() => file.write('new'.repeat(2_000)))
    const kept = readFileSync(path, 'utf8')
    const files = readdirSync(folder).filter((name) => name.startsWith('value'))
    mount('-o', 'remount,size=64m', folder)
    await file.write('new')
    return { said, kept, files, after: readFileSync(path, 'utf8') }
  },
  async 'is read-only'() {
    mount('-t', 'tmpfs', 'none', folder)
    await file.write('old')
    mount('-o', 'remount,ro', folder)
    return { said: await refusal(() => new PrivateFile(path).write('new')), kept: readFileSync(path, 'utf8') }
  },
  async 'is of another user'() {
    mkdirSync(join(folder, 'data'))
    chownSync(join(folder, 'data'), NOBODY, NOBODY)
    const theirs = new PrivateFile(join(folder, 'data/value'), { shared: true })
    await theirs.write('by root')
    process.setgid?.(NOBODY)
    process.setuid?.(NOBODY)
    const read = String(await theirs.read())
    await theirs.write('by its owner')
    return { read, mode: statSync(join(folder, 'data/value')).mode & 0o777 }
  },
}

function mount(...parameters: readonly string[]): void {
  execFileSync('/bin/mount', parameters)
}

/** Leaves no room for a page. */
function fillDisk(): void {
  try {
    for (let each = 0; ; each++) writeFileSync(join(folder, `filler-${each}`), Buffer.alloc(4_096))
  } catch {
    // Now nothing goes in any more.
  }
}

async function refusal(run: () => Promise<void>): Promise<string> {
  try {
    await run()
    return 'done'
  } catch (error) {
    return `${(error as { readonly code?: unknown }).code} ${(error as Error).message.replaceAll(folder, '')}`
  }
}

process.stdout.write(JSON.stringify(await STORIES[story]?.()))
