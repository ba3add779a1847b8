/** What is answered before the directory was ever loaded: nothing is said not to exist that may be there. */
import { describe, expect, it } from 'vitest'
import { RCODE } from '../src/wire/codes.ts'
import { askOneUdp } from './support/client.ts'
import { FakeUpstream } from './support/fake-upstream.ts'
import { answersIn, queryOf, rcodeIn } from './support/query.ts'
import { replyOf } from './support/reply.ts'
import { startServer } from './support/server.ts'

const absent = { flags: RCODE.NXDOMAIN }

describe('before the directory was loaded', () => {
  it.each(['2.0.96.10.in-addr.arpa', `${'0.'.repeat(31)}f.ip6.arpa`])(
    'the name of %s is unknown where upstreams have none, and known where they have one',
    async (name) => {
      await using upstream = await FakeUpstream.start(({ message }) => [replyOf(message, absent)])
      await using dns = await startServer({ upstreams: [upstream] }, { loaded: false })
      expect(rcodeIn(await askOneUdp(dns.address, queryOf(name, 'PTR')))).toBe(RCODE.SERVFAIL)
      expect(await dns.server.explain({ name, type: 'PTR' })).toMatchObject({ rule: 'directory-not-loaded' })

      upstream.behaviour = ({ message }) => [
        replyOf(message, { answers: [{ type: 'PTR', name, ttl: 60, data: 'printer.example' }] }),
      ]
      const answer = await askOneUdp(dns.address, queryOf(name, 'PTR'))
      expect(answersIn(answer)).toEqual(['printer.example'])
    },
  )

  it('other names are as absent as upstreams say', async () => {
    await using upstream = await FakeUpstream.start(({ message }) => [replyOf(message, absent)])
    await using dns = await startServer({ upstreams: [upstream] }, { loaded: false })
    expect(rcodeIn(await askOneUdp(dns.address, queryOf('example.com')))).toBe(RCODE.NXDOMAIN)
  })
})
