import { describe, expect, it } from 'vitest'
import { isDomain, isWithin, labelsOfDomain } from './domain.ts'
import { parseStubDomains, type StubDomain } from './stub-domains.ts'

const parse = (...stubDomains: readonly StubDomain[]) => parseStubDomains(stubDomains, 'cluster.local')

describe('parseStubDomains', () => {
  it('takes domains of names and of addresses, above the cluster, too', () => {
    const domains = ['Corp.example', '10.in-addr.arpa', '_msdcs.corp.example', 'local']
    const parsed = parse(...domains.map((domain) => ({ domain, upstreams: ['10.0.0.1', '[fd00::1]:5353'] })))

    expect(parsed.map(({ labels }) => labels.join('.'))).toEqual(domains.map((name) => name.toLowerCase()))
    expect(parsed[0]?.upstreams.map(({ name }) => name)).toEqual(['10.0.0.1:53', '[fd00::1]:5353'])
  })

  const upstreams = ['10.0.0.1']
  const good = { domain: 'corp.example', upstreams }

  it.each<[string, StubDomain[], string]>([
    [
      'one with a final dot',
      [{ domain: 'corp.example.', upstreams }],
      'dns.stubDomains[0].domain: expected a domain without a final dot, found "corp.example."',
    ],
    [
      'an empty one',
      [{ domain: '', upstreams }],
      'dns.stubDomains[0].domain: expected a domain without a final dot, found ""',
    ],
    ['an empty label', [{ domain: 'corp..example', upstreams }], 'found "corp..example"'],
    ['an overlong label', [{ domain: `${'x'.repeat(64)}.example`, upstreams }], 'expected a domain'],
    [
      'one that is there twice',
      [good, { domain: 'CORP.example', upstreams }],
      'dns.stubDomains[1].domain: expected each domain once, found "CORP.example"',
    ],
    [
      "the cluster's",
      [{ domain: 'cluster.local', upstreams }],
      'expected a domain outside of cluster.local, found "cluster.local"',
    ],
    [
      "one of the cluster's",
      [good, { domain: 'svc.Cluster.local', upstreams }],
      'dns.stubDomains[1].domain: expected a domain outside of cluster.local',
    ],
    [
      'no resolvers',
      [{ domain: 'corp.example', upstreams: [] }],
      'dns.stubDomains[0].upstreams: expected at least one resolver, found "[]"',
    ],
    [
      'a resolver that is none',
      [{ domain: 'corp.example', upstreams: ['10.0.0.1', 'ns1'] }],
      'dns.stubDomains[0].upstreams[1]: expected an IP address, with or without :port, found "ns1"',
    ],
  ])('refuses %s by field, value and expectation', (_what, stubDomains, message) => {
    expect(() => parse(...stubDomains)).toThrow(expect.objectContaining({ code: 'ERR_DNS_STUB_DOMAIN' }))
    expect(() => parse(...stubDomains)).toThrow(message)
  })
})

describe('a domain', () => {
  it.each([
    ['corp.example', 'corp.example', true],
    ['www.corp.example', 'corp.example', true],
    ['xcorp.example', 'corp.example', false],
    ['example', 'corp.example', false],
    ['anything', '', true],
  ])('of %s and %s: %s', (name, domain, isIn) => {
    expect(isWithin(labelsOfDomain(name), labelsOfDomain(domain))).toBe(isIn)
  })

  it('is found out in time that its length bounds', () => {
    expect(isDomain(`${'a-'.repeat(126)}!`)).toBe(false)
    expect(isDomain('a'.repeat(63))).toBe(true)
  })
})
