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
  host: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
  peers: z.union([z.literal('auto'), z.array(z.string())]).default('auto'),
  source: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('file'), url: z.url().default('http://localhost') }),
      z.strictObject({ kind: z.literal('none') }),
    ])
    .default({ kind: 'none' }),
})

describe('loadConfig', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeway-config-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  async function load(text: string | Buffer): Promise<unknown> {
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

  it.each([
    ['host: localhost', 'host: expected a valid IPv4 address or a valid IPv6 address, found "localhost"'],
    ['host: 7', 'host: expected string, found 7'],
    ['peers: all', 'peers: expected "auto" or array, found "all"'],
    ['source: {kind: web}', 'source.kind: expected "file" or "none", found "web"'],
    ['source: {}', 'source.kind: missing; expected "file" or "none"'],
    ['source: {kind: file, url: here}', 'source.url: expected a valid URL, found "here"'],
    ['traffic: {listenPort: .nan}', 'traffic.listenPort: expected number, found NaN'],
    ['apiVersion: a\napiVersion: b', 'line 3: Map keys must be unique'],
    ['servers: *nobody', 'Unresolved alias'],
    ['a: &a [1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]', 'alias'],
    ['--- 1\n--- 2', 'multiple documents'],
  ])('refuses %s with what it expects there', async (text, message) => {
    await expect(load(`apiVersion: edgeway.io/v1alpha1\n${text}\n`)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringContaining(message) }),
    )
  })

  it('shows no credentials of a URL', async () => {
    const message = await load('source: {kind: file, url: "//user:hunter2@host"}').catch(String)

    expect(message).toContain('source.url: expected a valid URL, found "//<redacted>@host"')
  })

  it.each([
    ['', 'apiVersion: missing'],
    ['# nothing but a comment', 'apiVersion: missing'],
    ['just a sentence', 'line 1: expected object, found "just a sentence"'],
    [Buffer.from('apiVersion: edge\xffway', 'latin1'), 'it is not UTF-8'],
  ])('refuses a file that has only "%s"', async (content, message) => {
    await expect(load(content)).rejects.toThrow(message)
  })

  it('says where a file is no YAML, and that a file is not there or none at all', async () => {
    await expect(load('a: [')).rejects.toThrow(/line \d/)
    await expect(loadConfig(join(folder, 'absent.yaml'), schema)).rejects.toThrow('there is no such file')
    await expect(loadConfig(folder, schema)).rejects.toThrow('it is a directory')
  })

  async function fileWith(text: string): Promise<string> {
    const file = join(folder, 'minimal.yaml')
    await writeFile(file, text)
    return file
  }
})
