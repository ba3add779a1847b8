import { describe, expect, it } from 'vitest'
import { service } from './support/objects.ts'
import { eventually, RunningMetadata } from './support/running-metadata.ts'
import { list, openWatch, ScriptedSource, silence, watch } from './support/scripted-source.ts'

const WEB = service('web', '10.96.0.1', { uid: 'u1', resourceVersion: '5' })
const API = service('api', '10.96.0.2', { uid: 'u2', resourceVersion: '12' })
const GONE = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } }

async function untilServicesAre(running: RunningMetadata, ...names: readonly string[]): Promise<void> {
  await eventually(() => expect(running.serviceNames).toEqual(names))
}

describe('a watch', () => {
  it.each([
    ['says that the version is too old', watch(GONE)],
    ['is refused because the version is too old', (response) => void response.writeHead(410).end('{}')],
    ['brings garbage', openWatch('{"type":"ADD')],
    ['brings an event without an end', openWatch('x'.repeat(9 * 1_024 * 1_024))],
    ['breaks', (response) => void response.write('\n', () => response.destroy())],
    ['never answers', silence],
  ] satisfies [string, Parameters<typeof ScriptedSource.start>[0][string][number]][])(
    'that %s is followed by a list',
    async (_, answer) => {
      await using source = await ScriptedSource.start({
        services: [list([WEB]), list([WEB, API], { resourceVersion: '12' })],
        'services?watch': [answer, openWatch()],
      })
      await using running = await RunningMetadata.start(source.url, { listTimeoutMs: 300 })
      await untilServicesAre(running, 'api', 'web')
      expect(running.deps.fatal).toEqual([])
    },
  )

  it('that ends as planned goes on from where it was, without a list', async () => {
    const froms: (string | null)[] = []
    await using source = await ScriptedSource.start({
      services: [list([WEB])],
      'services?watch': [
        watch({ type: 'ADDED', object: API }),
        (response, { url }) => {
          froms.push(new URL(url ?? '', 'http://source').searchParams.get('resourceVersion'))
          openWatch()(response, response.req)
        },
      ],
    })
    await using running = await RunningMetadata.start(source.url)
    await eventually(() => expect(froms).toEqual(['12']))
    const lists = { kind: 'services', class: 'authoritative' }
    expect(running.deps.metrics.value('edgeway_metadata_lists_total', lists)).toBe(1)
    expect(running.serviceNames).toEqual(['api', 'web'])
  })

  it('that ends at once is named when it goes on so', async () => {
    await using source = await ScriptedSource.start({ services: [list([WEB])], 'services?watch': [watch()] })
    // "At once" is within this time; a busy machine takes its own for a round trip.
    const slow = { minRetryDelayMs: 400, maxRetryDelayMs: 400 }
    await using running = await RunningMetadata.start(source.url, slow)
    await eventually(() => {
      expect(running.lines('warn', 'watches do not last, trying again')).toHaveLength(1)
      expect(source.asked('services?watch')).toBeGreaterThan(2)
    })
  })

  it('that ends at once is not asked for again at once', async () => {
    await using source = await ScriptedSource.start({ services: [list([WEB])], 'services?watch': [watch()] })
    const never = { minRetryDelayMs: 600_000, maxRetryDelayMs: 600_000 }
    await using running = await RunningMetadata.start(source.url, never)
    const ended = (): number => {
      const labels = { kind: 'services', request: 'watch', outcome: 'ok' }
      return running.deps.metrics.value('edgeway_metadata_requests_total', labels)
    }
    await eventually(() => expect(ended()).toBe(1))
    // Round trips instead of a pause: a loop without a pause makes many watches meanwhile.
    for (let round = 0; round < 20; round++) await fetch(`${source.url}/unknown`)
    expect(ended()).toBe(1)
  })

  it('tells of events of all types, and ignores those that it does not know', async () => {
    await using source = await ScriptedSource.start({
      services: [list([WEB])],
      'services?watch': [
        openWatch(
          { type: 'BOOKMARK', object: { metadata: { resourceVersion: '11' } } },
          { type: 'NEWS', object: null },
          { type: 'MODIFIED', object: service('web', '10.96.0.8', { uid: 'u1', resourceVersion: '4' }) },
          { type: 'DELETED', object: service('web', '10.96.0.1', { uid: 'u0', resourceVersion: '11' }) },
          { type: 'ADDED', object: API },
        ),
      ],
    })
    await using running = await RunningMetadata.start(source.url)
    await untilServicesAre(running, 'api', 'web')
    expect(running.services.lookup('10.96.0.1', 80, 'TCP')).toBeDefined()
  })
})

describe('a list', () => {
  it.each([
    ['is cut short', (response) => void response.write('{"items":[', () => response.destroy())],
    ['is no JSON', (response) => void response.end('<html>')],
    ['is no list', (response) => void response.end('{"kind":"Status"}')],
    ['is refused', (response) => void response.writeHead(403).end('{"message":"forbidden"}')],
    ['never comes', silence],
  ] satisfies [string, Parameters<typeof ScriptedSource.start>[0][string][number]][])(
    'that %s is asked for again and changes nothing',
    async (_, answer) => {
      await using source = await ScriptedSource.start({
        services: [list([WEB]), answer, answer, list([WEB, API], { resourceVersion: '12' })],
        'services?watch': [watch(GONE), openWatch()],
      })
      await using running = await RunningMetadata.start(source.url, { listTimeoutMs: 300 })
      const seen = new Set<string>()
      running.services.watch(() => void seen.add(running.serviceNames.join()))
      await untilServicesAre(running, 'api', 'web')
      expect([...seen]).toEqual(['web', 'api,web'])
    },
  )

  it('that is refused in endless words is asked for again, and its words are cut', async () => {
    let written = 0
    const more = Buffer.alloc(1_024 * 1_024, 'x')
    const endless: Parameters<typeof ScriptedSource.start>[0][string][number] = (response) => {
      const write = (): void => {
        written += more.length
        if (!response.destroyed) response.write(more, write)
      }
      response.writeHead(500)
      write()
    }
    await using source = await ScriptedSource.start({
      services: [endless, list([WEB])],
      'services?watch': [openWatch()],
    })
    await using running = await RunningMetadata.start(source.url)
    await untilServicesAre(running, 'web')
    expect(written).toBeLessThan(64 * more.length)
    const [line] = running
      .lines('warn', 'source does not answer, trying again')
      .filter(({ fields }) => fields['kind'] === 'services')
    expect(String(line?.fields['error'])).toMatch(/answered 500: x{300}$/)
  })

  it('that names what is wrong is shown so in the log', async () => {
    await using source = await ScriptedSource.start({
      services: [(response) => void response.writeHead(403).end('{"message":"services is forbidden"}')],
    })
    await using running = await RunningMetadata.start(source.url)
    await eventually(() => {
      const lines = running.lines('warn', 'source does not answer, trying again')
      const [line] = lines.filter(({ fields }) => fields['kind'] === 'services')
      expect(String(line?.fields['error'])).toContain('answered 403: services is forbidden')
    })
  })

  it('whose refusal breaks off is shown with its status', async () => {
    await using source = await ScriptedSource.start({
      services: [(response) => void response.writeHead(403).write('{"mess', () => response.destroy())],
    })
    await using running = await RunningMetadata.start(source.url)
    await eventually(() => {
      const lines = running.lines('warn', 'source does not answer, trying again')
      const [line] = lines.filter(({ fields }) => fields['kind'] === 'services')
      expect(String(line?.fields['error'])).toContain('answered 403: {"mess')
    })
  })

  it("from a node's own store only adds, and is followed by no watch", async () => {
    const local = { resourceVersion: '99', selfLink: '/core/v1/services/null/null' }
    await using source = await ScriptedSource.start({
      services: [list([WEB]), list([API], local), list([WEB, API], { resourceVersion: '12' })],
      'services?watch': [watch(GONE), openWatch()],
    })
    await using running = await RunningMetadata.start(source.url)
    await untilServicesAre(running, 'api', 'web')
    await eventually(() => expect(source.asked('services?watch')).toBe(2))
    expect(source.asked('services')).toBe(3)
    expect(running.lines('warn', "source answers from the node's own store, trying again")).toHaveLength(1)
  })

  it('without metadata changes nothing, and does not count as one', async () => {
    await using source = await ScriptedSource.start({
      services: [(response) => void response.end('{"kind":"ServiceList","items":[]}')],
      endpointslices: [list([])],
    })
    await using running = await RunningMetadata.start(source.url)
    await eventually(() => expect(source.asked('services')).toBeGreaterThan(2))
    expect(running.services.loaded).toBe(false)
    expect(source.asked('services?watch')).toBe(0)
  })

  it('comes again after the first watch that ends when it is due', async () => {
    await using source = await ScriptedSource.start({
      services: [list([WEB]), list([WEB, API], { resourceVersion: '12' })],
      'services?watch': [watch(), openWatch()],
    })
    await using running = await RunningMetadata.start(source.url, { relistIntervalMs: 1 })
    await untilServicesAre(running, 'api', 'web')
  })
})

describe('a malformed object', () => {
  const BROKEN = { ...WEB, spec: { clusterIP: 'nowhere', ports: [{ port: 80 }] } }

  it('is named once, counted, and disturbs no other', async () => {
    await using source = await ScriptedSource.start({
      services: [list([BROKEN, { metadata: null }, API])],
      'services?watch': [watch(GONE)],
    })
    await using running = await RunningMetadata.start(source.url)
    await untilServicesAre(running, 'api')
    await eventually(() => expect(source.asked('services')).toBeGreaterThan(2))

    const named = running.lines('warn', 'malformed object skipped')
    const [line, ...others] = named.filter(({ fields }) => fields['object'] === 'shop/web')
    expect(String(line?.fields['error'])).toContain('spec.clusterIPs: expected an IP address')
    expect(others).toEqual([])
    expect(named.filter(({ fields }) => fields['object'] === undefined)).toHaveLength(1)
    const skipped = running.deps.metrics.value('edgeway_metadata_skipped_objects_total', { kind: 'services' })
    expect(skipped).toBeGreaterThanOrEqual(2)
  })

  it('leaves in force what was known of it, however little of it can be read', async () => {
    const broken = { ...WEB, metadata: { ...WEB.metadata, resourceVersion: '12', labels: { site: 1 } } }
    await using source = await ScriptedSource.start({
      services: [list([WEB]), list([broken, API], { resourceVersion: '12' })],
      'services?watch': [watch(GONE), openWatch()],
    })
    await using running = await RunningMetadata.start(source.url)
    await untilServicesAre(running, 'api', 'web')
    const named = running.lines('warn', 'malformed object skipped')
    expect(named.map(({ fields }) => fields['object'])).toEqual(['shop/web'])
  })

  it('is skipped, be its content nested ever so deeply', async () => {
    const nested = '['.repeat(100_000) + ']'.repeat(100_000)
    await using source = await ScriptedSource.start({
      services: [
        (response) =>
          response.end(`{"metadata":{"resourceVersion":"10"},"items":[${nested},${JSON.stringify(WEB)}]}`),
      ],
    })
    await using running = await RunningMetadata.start(source.url)
    await untilServicesAre(running, 'web')
    expect(running.deps.fatal).toEqual([])
  })

  it('is named again after it was gone', async () => {
    const lists = [list([BROKEN]), list([]), list([BROKEN, API])]
    await using source = await ScriptedSource.start({ services: lists, 'services?watch': [watch(GONE)] })
    await using running = await RunningMetadata.start(source.url)
    await untilServicesAre(running, 'api')
    expect(running.lines('warn', 'malformed object skipped')).toHaveLength(2)
  })

  it('in a watch leaves in force what was known of it', async () => {
    const broken = { ...BROKEN, metadata: { ...BROKEN.metadata, resourceVersion: '11' } }
    await using source = await ScriptedSource.start({
      services: [list([WEB])],
      'services?watch': [openWatch({ type: 'MODIFIED', object: broken }, { type: 'ADDED', object: API })],
    })
    await using running = await RunningMetadata.start(source.url)
    await untilServicesAre(running, 'api', 'web')
    expect(running.services.lookup('10.96.0.1', 80, 'TCP')).toBeDefined()
  })
})
