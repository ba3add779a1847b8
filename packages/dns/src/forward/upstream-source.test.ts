import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryLogger } from '@edgeway/testbed'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { UpstreamSource } from './upstream-source.ts'

/** A source that follows a file in a directory of its own, and what it found so far. */
async function follow(text: string | undefined, upstreams: readonly string[] = [], autopath = false) {
  const directory = await mkdtemp(join(tmpdir(), 'edgeway-dns-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const resolvConf = join(directory, 'resolv.conf')
  if (text !== undefined) await writeFile(resolvConf, text)
  const logger = new MemoryLogger()
  const found: string[][] = []
  let changed = Promise.withResolvers<void>()
  const source = await UpstreamSource.start(
    { upstreams, resolvConf, resolvConfPollMs: 10, autopath },
    {
      logger,
      isOurself: ({ ip }) => ip === '169.254.96.16',
      onChange: (now) => {
        found.push(now.map(({ name }) => name))
        changed.resolve()
        changed = Promise.withResolvers()
      },
    },
  )
  onTestFinished(() => source.stop())
  return {
    source,
    found,
    logger,
    resolvConf,
    /** Replaces the file as a whole, as network configurators do; resolves when that was seen. */
    replace: async (newText: string) => {
      const seen = changed.promise
      await writeFile(`${resolvConf}.new`, newText)
      await rename(`${resolvConf}.new`, resolvConf)
      await seen
    },
  }
}

describe('UpstreamSource', () => {
  it('takes configured upstreams and looks at no file', async () => {
    const { found } = await follow('nameserver 192.0.2.9\n', ['192.0.2.1', '192.0.2.2:5353'])
    expect(found).toEqual([['192.0.2.1:53', '192.0.2.2:5353']])
  })

  it('refuses to start with a configured upstream that is none', async () => {
    await expect(follow('', ['dns.example.com'])).rejects.toMatchObject({ code: 'ERR_DNS_UPSTREAM' })
  })

  it('follows resolv.conf', async () => {
    const { found, replace } = await follow('nameserver 192.0.2.1\n')
    await replace('nameserver 192.0.2.2\nnameserver fd00::1\n')

    expect(found).toEqual([['192.0.2.1:53'], ['192.0.2.2:53', '[fd00::1]:53']])
  })

  it('keeps the resolvers while resolv.conf is away, says so once, and tells when it is back', async () => {
    const { found, logger, resolvConf, replace } = await follow('nameserver 192.0.2.1\n')
    await rm(resolvConf)
    await vi.waitFor(() => expect(logger.lines.at(-1)).toMatchObject({ level: 'warn' }))
    await replace('nameserver 192.0.2.1\n')

    expect(found).toEqual([['192.0.2.1:53'], ['192.0.2.1:53']])
    expect(logger.lines.map(({ level }) => level)).toEqual(['info', 'warn', 'info'])
  })

  it('takes a resolver that is named twice once', async () => {
    const { found } = await follow('nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.1\n')
    expect(found).toEqual([['192.0.2.1:53', '192.0.2.2:53']])
  })

  it('starts without resolv.conf and takes it when it comes', async () => {
    const { found, logger, replace } = await follow(undefined)
    const warning = { level: 'warn', fields: { error: { code: 'ENOENT' } } }
    expect(logger.lines).toMatchObject([warning])
    await replace('nameserver 192.0.2.1\n')

    expect(found).toEqual([['192.0.2.1:53']])
    expect(logger.lines).toMatchObject([warning, { level: 'info' }])
  })

  it('tells the search list, with configured upstreams where it is wanted', async () => {
    const text = 'nameserver 192.0.2.9\nsearch example.com corp.example\n'
    const { source } = await follow(text)
    expect(source.search).toEqual(['example.com', 'corp.example'])

    const wanted = await follow(text, ['192.0.2.1'], true)
    expect([wanted.source.search, wanted.found]).toEqual([
      ['example.com', 'corp.example'],
      [['192.0.2.1:53']],
    ])
    const unwanted = await follow(text, ['192.0.2.1'])
    expect(unwanted.source.search).toEqual([])
  })

  it('leaves out the responder itself and says so', async () => {
    const { found, logger } = await follow('nameserver 169.254.96.16\nnameserver 192.0.2.1\n')

    expect(found).toEqual([['192.0.2.1:53']])
    expect(logger.lines).toContainEqual({
      level: 'warn',
      message: 'upstream left out, it is this responder',
      fields: { upstream: '169.254.96.16:53' },
    })
  })
})
