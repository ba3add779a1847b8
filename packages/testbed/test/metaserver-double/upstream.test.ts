import { describe, expect, it } from 'vitest'
import { ApiDouble } from '../../src/api-double/http/api-double.ts'
import { ObjectStore } from '../../src/api-double/object-store.ts'
import { MetaServerDouble, NO_FAULTS } from '../../src/metaserver-double/index.ts'
import { SERVICES, service } from './running-metaserver.ts'

const OPTIONS = { faults: NO_FAULTS, heartbeatIntervalMs: 20, reconnectDelayMs: 10, syncIntervalMs: 20 }

async function names(double: MetaServerDouble): Promise<string[]> {
  const response = await fetch(double.url + SERVICES, { headers: { connection: 'close' } })
  const { items } = (await response.json()) as { items: { metadata: { name: string } }[] }
  return items.map(({ metadata }) => metadata.name)
}

async function openWatch(double: MetaServerDouble): Promise<{ readonly lines: string[] } & Disposable> {
  const closing = new AbortController()
  const response = await fetch(`${double.url}${SERVICES}?watch=1`, { signal: closing.signal })
  const lines: string[] = []
  const reading = (async () => {
    for await (const chunk of response.body ?? []) {
      const texts = Buffer.from(chunk).toString().trim().split('\n')
      lines.push(
        ...texts.map((text) => JSON.parse(text)).map(({ type, object }) => `${type} ${object.metadata.name}`),
      )
    }
  })()
  reading.catch(() => 'aborted, as was meant')
  return { lines, [Symbol.dispose]: () => closing.abort() }
}

describe('a double of an API server elsewhere', () => {
  it('serves from its store before that server is there, and follows it when it comes', async () => {
    await using reserved = await ApiDouble.start(new ObjectStore({ admission: false }))
    const { port, url: upstream } = reserved
    await reserved[Symbol.asyncDispose]()
    await using double = await MetaServerDouble.start({ ...OPTIONS, upstream })
    expect(double.stats.phase).toBe('down')
    expect(await names(double)).toEqual([])

    const store = new ObjectStore({ admission: false })
    await using _server = await ApiDouble.start(store, { port })
    await expect.poll(() => double.stats.phase).toBe('up')
    await double.apply([service('web')])
    expect(await names(double)).toEqual(['web'])
    using watch = await openWatch(double)
    await expect.poll(() => watch.lines).toEqual(['ADDED web'])
    await double.apply([service('db')])
    await expect.poll(() => watch.lines).toEqual(['ADDED web', 'ADDED db'])
  })

  it('in secure mode listens not before it has reached that server', async () => {
    await using reserved = await ApiDouble.start(new ObjectStore({ admission: false }))
    const { port, url: upstream } = reserved
    await reserved[Symbol.asyncDispose]()
    const secure = { tokens: ['x'], names: [] }
    const faults = { ...NO_FAULTS, noOfflineRestart: true }
    await using double = await MetaServerDouble.start({ ...OPTIONS, upstream, secure, faults })
    expect(double.stats.listening).toBe(false)

    await using _server = await ApiDouble.start(new ObjectStore({ admission: false }), { port })
    await expect.poll(() => double.stats.listening).toBe(true)
  })

  it('answers from its store while that server is away, and misses deletions of that time if it is to', async () => {
    const store = new ObjectStore({ admission: false })
    await using first = await ApiDouble.start(store)
    const { port, url: upstream } = first
    const faults = { ...NO_FAULTS, lostDeletes: true, dedupeBySync: true }
    await using double = await MetaServerDouble.start({ ...OPTIONS, upstream, faults })
    await expect.poll(() => double.stats.phase).toBe('up')
    await double.apply([service('gone'), service('kept')])
    using watch = await openWatch(double)
    await expect.poll(() => double.stats.rows).toBe(2)

    await first[Symbol.asyncDispose]()
    await expect.poll(() => double.stats.phase).toBe('down')
    expect(await names(double)).toEqual(['gone', 'kept'])
    const kind = store.kinds.find('v1', 'Service')
    if (kind === undefined) throw new Error('no Services')
    store.delete({ kind, namespace: 'shop', name: 'gone' })

    await using _second = await ApiDouble.start(store, { port })
    await expect.poll(() => double.stats.ghosts).toBe(1)
    expect(await names(double)).toEqual(['kept'])
    expect(watch.lines).toEqual(['ADDED gone', 'ADDED kept'])
  })
})
