import { mkdtempDisposable, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MetaServerDouble, makeCertificate, ObjectStore } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import type { MetaServerSource } from '../../src/source/source.ts'
import { service } from '../support/objects.ts'
import { eventually, RunningMetadata } from '../support/running-metadata.ts'

/** A MetaServer in its secure mode that knows one token, and the files of a pod on its node. */
class SecureEdge implements AsyncDisposable {
  readonly double: MetaServerDouble
  readonly caFile: string
  readonly tokenFile: string
  readonly #stack: AsyncDisposableStack

  private constructor(double: MetaServerDouble, folder: string, stack: AsyncDisposableStack) {
    this.double = double
    this.caFile = join(folder, 'ca.crt')
    this.tokenFile = join(folder, 'token')
    this.#stack = stack
  }

  static async start(): Promise<SecureEdge> {
    const stack = new AsyncDisposableStack()
    const { path } = stack.use(await mkdtempDisposable(join(tmpdir(), 'edgeway-secure-')))
    const secure = { tokens: ['of-a-pod'], names: [] }
    const store = new ObjectStore({ admission: false })
    const double = stack.use(await MetaServerDouble.start({ secure, compat: 'master' }, { store }))
    await double.apply([service('web', '10.96.0.1')])
    const edge = new SecureEdge(double, path, stack)
    await writeFile(edge.caFile, double.certificate?.certificate ?? '')
    await writeFile(edge.tokenFile, 'of-a-pod\n')
    return edge
  }

  /** What a pod is given, unless said otherwise. */
  async follow(other: Partial<Record<keyof MetaServerSource, string | undefined>> = {}) {
    const all = { kind: 'metaserver', url: this.double.url, caFile: this.caFile, tokenFile: this.tokenFile }
    const source = Object.fromEntries(
      Object.entries({ ...all, ...other }).filter(([, value]) => value !== undefined),
    )
    return await RunningMetadata.start(this.double.url, { source: source as unknown as MetaServerSource })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

interface Mistake {
  readonly what: string
  spoil?(edge: SecureEdge): Promise<void>
  readonly other?: Partial<Record<keyof MetaServerSource, undefined>>
  readonly told: RegExp
}

/** The one line that says why Services can't be had, and what to do. */
async function complaint(running: RunningMetadata): Promise<string> {
  await eventually(() => {
    const failed = { kind: 'services', request: 'list', outcome: 'failed' }
    expect(running.deps.metrics.value('edgeway_metadata_requests_total', failed)).toBeGreaterThan(2)
  })
  const [line, ...more] = running
    .lines('warn', 'source does not answer, trying again')
    .filter(({ fields }) => fields['kind'] === 'services')
  expect(more).toEqual([])
  return `${String(line?.fields['error'])} -> ${String(line?.fields['advice'])}`
}

describe('a secure MetaServer', () => {
  it('is followed with its certificate and a token', async () => {
    await using edge = await SecureEdge.start()
    await using running = await edge.follow()
    await eventually(() => expect(running.serviceNames).toEqual(['web']))
    await eventually(() => expect(edge.double.stats).toMatchObject({ watches: 3, queued: 0 }))
    await edge.double.apply([service('other', '10.96.0.8'), service('api', '10.96.0.2')])
    await eventually(() => expect(running.serviceNames).toContain('api'))
  })

  const MISTAKES: readonly Mistake[] = [
    {
      what: 'a wrong token',
      spoil: async ({ tokenFile }) => await writeFile(tokenFile, 'of-another'),
      told: /answered 401.*-> it does not accept the token/s,
    },
    {
      what: 'an empty token',
      spoil: async ({ tokenFile }) => await writeFile(tokenFile, ''),
      told: /-> it does not accept the token/,
    },
    {
      what: 'no token',
      other: { tokenFile: undefined },
      told: /answered 401.*-> it asks who is there: name a tokenFile/s,
    },
    {
      what: 'a token that is not there',
      spoil: async ({ tokenFile }) => await rm(tokenFile),
      told: /ENOENT.*token.*-> that file is not there: check caFile and tokenFile/,
    },
    {
      what: 'the certificate of another',
      spoil: async ({ caFile }) =>
        await writeFile(caFile, (await makeCertificate(['127.0.0.1'])).certificate),
      told: /-> its certificate is not signed by one of .*ca\.crt/,
    },
    {
      what: 'a certificate that is none',
      spoil: async ({ caFile }) => await writeFile(caFile, 'nonsense'),
      told: /-> .*ca\.crt/,
    },
    {
      what: 'no certificate',
      other: { caFile: undefined },
      told: /-> nobody here knows who signed its certificate: name a caFile/,
    },
  ]

  it.each(MISTAKES)('that is asked with $what is said to refuse, and what to do', async (mistake) => {
    await using edge = await SecureEdge.start()
    await mistake.spoil?.(edge)
    await using running = await edge.follow(mistake.other)
    expect(await complaint(running)).toMatch(mistake.told)
  })

  it('is followed as soon as the token is right', async () => {
    await using edge = await SecureEdge.start()
    await writeFile(edge.tokenFile, 'expired')
    await using running = await edge.follow()
    await complaint(running)
    await writeFile(edge.tokenFile, 'of-a-pod')
    await eventually(() => expect(running.serviceNames).toEqual(['web']))
  })

  it('never sees the token in the log', async () => {
    await using edge = await SecureEdge.start()
    await writeFile(edge.tokenFile, 'secret-\u0001-token')
    await using running = await edge.follow()
    await eventually(() =>
      expect(running.lines('warn', 'source does not answer, trying again')).not.toEqual([]),
    )
    expect(running.deps.logger.lines.map(({ fields }) => String(fields['error'])).join()).not.toContain(
      'secret-',
    )
    expect(running.deps.fatal).toEqual([])
  })
})
