import { mkdir, mkdtempDisposable, readdir, readFile, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { lockFile } from './file-lock.ts'
import { PrivateFile } from './private-file.ts'

async function temporary() {
  return await mkdtempDisposable(join(tmpdir(), 'edgeway-file-'))
}

function shared(path: string): PrivateFile {
  return new PrivateFile(path, { shared: true })
}

async function textOf(file: PrivateFile): Promise<string | undefined> {
  return (await file.read())?.toString()
}

describe('a file', () => {
  it('that can not be written is left as it was, which is said with the reason', async () => {
    await using folder = await temporary()
    const path = join(folder.path, 'value')
    const file = new PrivateFile(path)
    await file.write('old')
    // In the way of what is written first.
    await mkdir(`${path}.new`)

    await expect(file.write('new')).rejects.toMatchObject({
      code: 'ERR_STORED_VALUE',
      message: expect.stringMatching(/^file .*value can't be written: .*EISDIR.*; it is left as it was$/),
    })
    expect(await textOf(file)).toBe('old')
    await rmdir(`${path}.new`)
    await file.write('new')
    expect(await readdir(folder.path)).toEqual(['value'])
    expect(await textOf(file)).toBe('new')
  })

  it('that is gone is exposed to nobody', async () => {
    await using folder = await temporary()
    expect(await new PrivateFile(join(folder.path, 'value')).exposure()).toBeUndefined()
  })

  it('that can not be read says so', async () => {
    await using folder = await temporary()
    await mkdir(join(folder.path, 'value'))

    await expect(new PrivateFile(join(folder.path, 'value')).read()).rejects.toMatchObject({
      code: 'ERR_STORED_VALUE',
      message: expect.stringMatching(/value can't be read: .*EISDIR/),
    })
  })
})

describe('a shared file', () => {
  it('is not written over what another process wrote meanwhile, and is once that was read', async () => {
    await using folder = await temporary()
    const [one, other] = [shared(join(folder.path, 'value')), shared(join(folder.path, 'value'))]
    await Promise.all([one.read(), other.read()])
    await one.write('one')
    await one.write('one again')

    await expect(other.write('other')).rejects.toMatchObject({ code: 'ERR_STORED_VALUE_CONFLICT' })
    expect(await textOf(other)).toBe('one again')
    await other.write('other')
    expect(await textOf(one)).toBe('other')
  })

  it('is made by one of two that never read it', async () => {
    await using folder = await temporary()
    const both = [shared(join(folder.path, 'value')), shared(join(folder.path, 'value'))]
    const results = await Promise.allSettled(both.map((file, index) => file.write(`${index}`)))

    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'ERR_STORED_VALUE_CONFLICT' },
    })
  })

  it('can be written again once that is possible', async () => {
    await using folder = await temporary()
    const path = join(folder.path, 'value')
    const file = shared(path)
    await file.write('old')
    await mkdir(`${path}.new`)
    await expect(file.write('new')).rejects.toMatchObject({ code: 'ERR_STORED_VALUE' })
    await rmdir(`${path}.new`)

    await file.write('newer')
    expect(await readFile(path, 'utf8')).toBe('newer')
  })

  it('says so when it can not be locked', async () => {
    await using folder = await temporary()
    await mkdir(join(folder.path, 'value.lock'))

    await expect(shared(join(folder.path, 'value')).write('x')).rejects.toMatchObject({
      code: 'ERR_STORED_VALUE',
      message: expect.stringMatching(/value\.lock can't be locked/),
    })
  })
})

describe('the lock of a file', () => {
  it('keeps others out as long as it is held, and is waited for so long', async () => {
    await using folder = await temporary()
    const path = join(folder.path, 'lock')
    {
      using _ = await lockFile(path)
      await expect(lockFile(path, 0)).rejects.toMatchObject({
        code: 'ERR_STORED_VALUE',
        message: `file ${path} is locked by another process for 0 s`,
      })
    }
    using _ = await lockFile(path, 0)
  })

  it('goes to who waits for it', async () => {
    await using folder = await temporary()
    const held = await lockFile(join(folder.path, 'lock'))
    const waiting = lockFile(join(folder.path, 'lock'))
    held[Symbol.dispose]()
    using _ = await waiting
  })
})
