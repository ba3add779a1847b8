import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { loadConfig } from './config.ts'

const schema = z.strictObject({
  apiVersion: z.literal('edgeway.io/v1alpha1'),
  traffic: z.strictObject({ listenPort: z.int().max(65_535).default(15_001) }).prefault({}),
  servers: z.array(z.string().min(1)).default([]),
})

describe('loadConfig', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeway-config-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  async function load(text: string): Promise<unknown> {
    const file = join(folder, 'config.yaml')
    await writeFile(file, text)
    return loadConfig(file, schema)
  }

  it('fills in defaults and freezes the result, all the way down', async () => {
    const config = await loadConfig(await fileWith('apiVersion: edgeway.io/v1alpha1'), schema)

    expect(config.traffic.listenPort).toBe(15_001)
    expect(Object.isFrozen(config)).toBe(true)
    expect(Object.isFrozen(config.traffic)).toBe(true)
  })

  it('names every problem of a file at once: line, path, what was found and what was expected', async () => {
    const text = 'apiVersion: v1\ntraffic:\n  listenPort: many\n  lissenPort: 1\nservers: [""]\n'
    const message = await load(text).catch((error: unknown) => String(error))

    expect(message).toContain('line 1: apiVersion: expected "edgeway.io/v1alpha1", found "v1"')
    expect(message).toMatch(/line 3: traffic\.listenPort: expected (number|int), found "many"/)
    expect(message).toContain('line 4: traffic.lissenPort: unknown field')
    expect(message).toMatch(/servers\[0\]: expected at least 1 characters/)
  })

  it('says what is missing', async () => {
    await expect(load('servers: []')).rejects.toThrow('apiVersion: missing')
  })

  it('says where a file is no YAML, and that a file is not there', async () => {
    await expect(load('a: [')).rejects.toThrow(/line \d/)
    await expect(loadConfig(join(folder, 'absent.yaml'), schema)).rejects.toThrow('there is no such file')
  })

  async function fileWith(text: string): Promise<string> {
    const file = join(folder, 'minimal.yaml')
    await writeFile(file, text)
    return file
  }
})
