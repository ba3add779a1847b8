import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import { AdminServer } from './admin-server.ts'
import { createLogger } from './log.ts'
import { PrometheusMetrics } from './metrics.ts'
import { ReadinessGates } from './readiness.ts'
import { StatusSections } from './status.ts'

/** An admin server on a free port, with what it shows. */
async function startAdmin() {
  const logger = createLogger({ level: 'error' })
  const metrics = new PrometheusMetrics()
  const readiness = new ReadinessGates(logger)
  const status = new StatusSections()
  const config = { admin: { port: 0 }, joinToken: 'edgeway1.peer.secret' }
  const deps = {
    logger,
    metrics,
    readiness,
    status,
    config,
    onFatal: (error: Error) => expect.fail(error.message),
  }
  const admin = await AdminServer.start({ host: '127.0.0.1', port: 0 }, deps)
  const get = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(`http://127.0.0.1:${admin.address.port}${path}`, init)
  const { port } = admin.address
  return {
    admin,
    port,
    metrics,
    readiness,
    status,
    get,
    [Symbol.asyncDispose]: () => admin[Symbol.asyncDispose](),
  }
}

describe('the admin server', () => {
  it('is not ready while a gate is shut, and names it with its reason', async () => {
    await using admin = await startAdmin()
    const rules = admin.readiness.gate('rules')
    admin.readiness.gate('dns').open()
    rules.shut('nft is missing')

    const shut = await admin.get('/readyz')
    expect([shut.status, await shut.text()]).toEqual([503, '[-]rules: nft is missing\n[+]dns\nnot ready\n'])

    rules.open()
    const open = await admin.get('/readyz')
    expect([open.status, await open.text()]).toEqual([200, '[+]rules\n[+]dns\nready\n'])
  })

  it('is alive whether or not it is ready', async () => {
    await using admin = await startAdmin()

    expect((await admin.get('/livez')).status).toBe(200)
    expect((await admin.get('/readyz')).status).toBe(503)
  })

  it('shows metrics in the text format of Prometheus, those of the process included', async () => {
    await using admin = await startAdmin()
    const spec = { name: 'edgeway_dns_queries_total', help: 'Queries.', labels: ['zone'] } as const
    admin.metrics.counter<'zone'>(spec).add({ zone: 'cluster' }, 2)

    const text = await (await admin.get('/metrics')).text()
    expect(text).toContain('edgeway_dns_queries_total{zone="cluster"} 2')
    expect(text).toContain('process_resident_memory_bytes')
  })

  it('shows what was added to a counter whichever way, each time it is asked', async () => {
    await using admin = await startAdmin()
    const spec = { name: 'edgeway_dns_queries_total', help: 'Queries.', labels: ['zone'] } as const
    const counter = admin.metrics.counter<'zone'>(spec)
    const bound = counter.bind({ zone: 'cluster' })
    const shown = async () => {
      const text = await (await admin.get('/metrics')).text()
      return /^edgeway_dns_queries_total.*$/m.exec(text)?.[0]
    }
    counter.add({ zone: 'cluster' }, 2)
    bound.add()
    counter.bind({ zone: 'cluster' }).add(4)

    expect(await shown()).toBe('edgeway_dns_queries_total{zone="cluster"} 7')
    bound.add()
    expect(await shown()).toBe('edgeway_dns_queries_total{zone="cluster"} 8')
  })

  it('shows what was observed in a histogram whichever way, by buckets', async () => {
    await using admin = await startAdmin()
    const name = 'edgeway_dns_query_duration_seconds'
    const spec = { name, help: 'Queries.', labels: ['zone'], buckets: [0.1, 1] } as const
    const histogram = admin.metrics.histogram<'zone'>(spec)
    const bound = histogram.bind({ zone: 'cluster' })
    for (const value of [0.1, 0.5, 2]) bound.observe(value)
    histogram.observe({ zone: 'cluster' }, 0.25)
    histogram.bind({ zone: 'other' }).observe(1)

    const lines = (await (await admin.get('/metrics')).text()).split('\n')
    expect(lines.filter((line) => line.includes(name))).toEqual([
      `# HELP ${name} Queries.`,
      `# TYPE ${name} histogram`,
      `${name}_bucket{le="0.1",zone="cluster"} 1`,
      `${name}_bucket{le="1",zone="cluster"} 3`,
      `${name}_bucket{le="+Inf",zone="cluster"} 4`,
      `${name}_sum{zone="cluster"} 2.85`,
      `${name}_count{zone="cluster"} 4`,
      `${name}_bucket{le="0.1",zone="other"} 0`,
      `${name}_bucket{le="1",zone="other"} 1`,
      `${name}_bucket{le="+Inf",zone="other"} 1`,
      `${name}_sum{zone="other"} 1`,
      `${name}_count{zone="other"} 1`,
    ])
  })

  it('shows the config without its secrets', async () => {
    await using admin = await startAdmin()
    const text = await (await admin.get('/configz')).text()

    expect(text).toContain('"port": 0')
    expect(text).not.toContain('secret"')
  })

  it('shows what each component tells of itself, as it is at that moment', async () => {
    await using admin = await startAdmin()
    let objects = 1
    admin.status.section('metadata', () => ({ objects }))
    objects = 2

    expect(await (await admin.get('/statusz')).json()).toEqual({ metadata: { objects: 2 } })
    expect(() => admin.status.section('metadata', () => ({}))).toThrow('metadata exists already')
  })

  it('has pages that components answer by parameters', async () => {
    await using admin = await startAdmin()
    admin.status.page('dnsz', async ({ name }) =>
      name === undefined
        ? { kind: 'bad-parameters', problem: 'name: expected a domain name' }
        : { kind: 'found', value: { name } },
    )

    expect(await (await admin.get('/dnsz?name=a%2Eb&type=A')).json()).toEqual({ name: 'a.b' })
    const without = await admin.get('/dnsz')
    expect([without.status, await without.text()]).toEqual([400, 'name: expected a domain name\n'])
    expect((await admin.get('/dnsz?name=a&name=b')).status).toBe(400)
    expect(await (await admin.get('/nothing')).text()).toContain('/dnsz')
    expect(() => admin.status.page('dnsz', async () => ({ kind: 'found', value: 1 }))).toThrow('dnsz exists')
  })

  it('says what it does not have and does not do', async () => {
    await using admin = await startAdmin()

    expect((await admin.get('/nothing')).status).toBe(404)
    const post = await admin.get('/livez', { method: 'POST' })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  it('takes no more connections than it can bear, and others once those are gone', async () => {
    await using admin = await startAdmin()
    const idle = Array.from({ length: 100 }, () => connect(admin.port, '127.0.0.1'))
    await Promise.all(idle.map((socket) => once(socket, 'connect')))

    const surplus = connect(admin.port, '127.0.0.1')
    await once(surplus, 'close')
    for (const socket of idle) socket.destroy()
    await vi.waitFor(async () => expect((await admin.get('/livez')).status).toBe(200))
  })

  it('has stopped once any of two stops says so', async () => {
    const { admin } = await startAdmin()
    const order: string[] = []
    const stop = async (name: string): Promise<void> => {
      await admin[Symbol.asyncDispose]()
      order.push(name)
    }
    await Promise.all([stop('first'), stop('second')])

    expect(order).toEqual(['first', 'second'])
  })
})

it.each(['dns_queries_total', 'edgeway_queries', 'edgeway_dns_queries_milliseconds'])(
  'a metric named %s is refused',
  (name) => {
    expect(() => new PrometheusMetrics().gauge({ name, help: 'Some help.' })).toThrow(name)
  },
)
