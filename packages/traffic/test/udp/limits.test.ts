import { describe, expect, it } from 'vitest'
import { ManualTimers } from '../manual-timers.ts'
import { eventuallyTrue, openDescriptors } from './eventually.ts'
import { echo, Talker, UdpEndpoint } from './udp-endpoint.ts'
import { UdpLab } from './udp-lab.ts'

function evictions({ deps }: UdpLab): number {
  return deps.metrics.value('edgeway_traffic_udp_evictions_total')
}

describe('the number of UDP sessions', () => {
  it.each([
    ['of a ServicePort', { maxSessionsPerServicePort: 2 }],
    ['of a node', { maxSessions: 2 }],
  ])('%s is kept by ending the one with an answer that has been silent for longest', async (_what, limit) => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers, ...limit })
    await using server = await UdpEndpoint.start(echo)
    await using first = await Talker.bind()
    await using second = await Talker.bind()
    await using third = await Talker.bind()
    const listener = await lab.addService([server.endpoint])
    for (const client of [first, second, first]) {
      await timers.pass(10)
      await client.ask('question', listener)
    }

    expect(String(await third.ask('question', listener))).toBe('question')

    expect(lab.records).toMatchObject([{ outcome: 'completed', client: `127.0.0.1:${second.address.port}` }])
    expect(evictions(lab)).toBe(1)
    expect(lab.activeSessions).toBe(2)
  })

  it.each([
    ['of a ServicePort', { maxSessionsPerServicePort: 2 }],
    ['of a node', { maxSessions: 2 }],
  ])('%s is kept by refusing further ones while all wait for an answer', async (_what, limit) => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers, ...limit })
    await using server = await UdpEndpoint.start()
    await using first = await Talker.bind()
    await using second = await Talker.bind()
    await using third = await Talker.bind()
    const listener = await lab.addService([server.endpoint])
    for (const client of [first, second]) client.send('question', listener)
    await server.talker.hears(2)

    for (let count = 0; count < 5; count++) third.send('one too many', listener)
    first.send('last', listener)
    await server.talker.hears(3)
    await timers.pass(1_000)

    expect(lab.dropped('over-limit')).toBe(5)
    expect(lab.records).toMatchObject([{ outcome: 'over-limit', client: `127.0.0.1:${third.address.port}` }])
    expect(server.talker.heard.map(String)).toEqual(['question', 'question', 'last'])
    const refused = { path: 'unknown', outcome: 'over-limit' }
    expect(lab.deps.metrics.value('edgeway_traffic_udp_sessions_total', refused)).toBe(5)
    expect(evictions(lab)).toBe(0)
  })

  it('grows again once those that nobody answered have ended', async () => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers, maxSessions: 1 })
    await using server = await UdpEndpoint.start()
    await using first = await Talker.bind()
    await using second = await Talker.bind()
    const listener = await lab.addService([server.endpoint])
    first.send('first', listener)
    await server.talker.hears(1)
    await timers.pass(61_000)

    second.send('second', listener)

    expect(await server.talker.hears(2)).toEqual(['first', 'second'])
  })
})

/** A million, to look for leaks: EDGEWAY_UDP_SESSIONS=1000000. */
const SESSIONS = Number(process.env['EDGEWAY_UDP_SESSIONS'] ?? 20_000)
const MAX_SESSIONS = 50
/** That share of a ServicePort's sessions is a client's, by its address. */
const SHARE = 1 / 8
/** More than may have a session: each has lost its own when it is its turn again. */
const CLIENTS = 4 * MAX_SESSIONS
/** Fewer than may have a session, so that none is lost before its answer. */
const AT_ONCE = MAX_SESSIONS / 2

it(
  `leaves nothing behind after ${SESSIONS} sessions`,
  async () => {
    await using lab = await UdpLab.start({ maxSessionsPerServicePort: MAX_SESSIONS / SHARE })
    await using server = await UdpEndpoint.start(echo)
    const listener = await lab.addService([server.endpoint])
    await using clients = new AsyncDisposableStack()
    const talkers: Talker[] = []
    for (let count = 0; count < CLIENTS; count++) talkers.push(clients.use(await Talker.bind()))
    const before = openDescriptors()
    let most = 0

    for (let done = 0; done < SESSIONS; done += AT_ONCE) {
      const callers = talkers.slice(done % CLIENTS, (done % CLIENTS) + AT_ONCE)
      await Promise.all(callers.map((client) => client.ask('question', listener)))
      most = Math.max(most, openDescriptors() - before)
      for (const recorder of [lab, server.talker, ...callers]) recorder.forget()
    }

    // Those whose places were taken may still be about to close.
    expect(most).toBeLessThanOrEqual(MAX_SESSIONS + AT_ONCE)
    const completed = { path: 'local', outcome: 'completed' }
    expect(lab.deps.metrics.value('edgeway_traffic_udp_sessions_total', completed)).toBe(
      SESSIONS - MAX_SESSIONS,
    )
    expect(lab.activeSessions).toBe(MAX_SESSIONS)
    lab.services.delete('shop', 'meter')
    expect(lab.activeSessions).toBe(0)
    expect(lab.reports.open).toBe(0)
    await eventuallyTrue(() => openDescriptors() <= before)
  },
  SESSIONS * 2 + 20_000,
)
