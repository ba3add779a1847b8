import {
  chown,
  mkdir,
  mkdtempDisposable,
  readdir,
  readFile,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
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
    // What is written first stands on a disk that is always full.
    await symlink('/dev/full', `${path}.new`)

    await expect(file.write('new')).rejects.toMatchObject({
      code: 'ERR_STORED_VALUE',
      message: `file ${path} can't be written: there is no space left on its disk; it is left as it was`,
    })
    expect(await textOf(file)).toBe('old')
    expect(await readdir(folder.path)).toEqual(['value'])
    await file.write('new')
    expect(await textOf(file)).toBe('new')
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

  it('can be written again after the disk was full', async () => {
    await using folder = await temporary()
    const path = join(folder.path, 'value')
    const file = shared(path)
    await file.write('old')
    await symlink('/dev/full', `${path}.new`)
    await expect(file.write('new')).rejects.toMatchObject({ code: 'ERR_STORED_VALUE' })

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

it('what root writes stays the property of the user whose it is', async () => {
  await using folder = await temporary()
  const path = join(folder.path, 'value')
  await writeFile(path, 'old')
  await chown(path, 65_532, 65_532)
  const file = shared(path)
  await file.read()
  await file.write('new')

  for (const written of [path, `${path}.lock`])
    expect(await stat(written)).toMatchObject({ uid: 65_532, gid: 65_532 })
})
