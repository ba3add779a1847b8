import { DnsStubDomainError } from '../errors.ts'
import { isDomain, isWithin, labelsOfDomain } from './domain.ts'
import { parseUpstream, type Upstream } from './upstream.ts'

/** A domain whose names are asked of resolvers of its own. */
export interface StubDomain {
  /** E.g. `corp.example`, or `10.in-addr.arpa` for the names of addresses. */
  readonly domain: string
  /** At least one, in order of preference: `ip`, `ip:port` or `[ipv6]:port`. */
  readonly upstreams: readonly string[]
}

export interface ParsedStubDomain {
  readonly labels: readonly string[]
  readonly upstreams: readonly Upstream[]
}

/**
 * Reads the stub domains of the configuration.
 *
 * @param clusterDomain - whose names are the cluster's, and of no stub domain
 * @throws {DnsStubDomainError} that names the field, its value and what was expected
 */
export function parseStubDomains(
  stubDomains: readonly StubDomain[],
  clusterDomain: string,
): readonly ParsedStubDomain[] {
  const known = new Set<string>()
  return stubDomains.map(({ domain, upstreams }, index) => {
    const field = `stubDomains[${index}]`
    const expectation = domainProblem(domain, known, clusterDomain)
    if (expectation !== undefined) throw new DnsStubDomainError(`${field}.domain`, expectation, domain)
    known.add(domain.toLowerCase())
    if (upstreams.length === 0)
      throw new DnsStubDomainError(`${field}.upstreams`, 'expected at least one resolver', '[]')
    return { labels: labelsOfDomain(domain), upstreams: parseUpstreams(`${field}.upstreams`, upstreams) }
  })
}

function domainProblem(
  domain: string,
  known: ReadonlySet<string>,
  clusterDomain: string,
): string | undefined {
  if (!isDomain(domain)) return 'expected a domain without a final dot'
  if (known.has(domain.toLowerCase())) return 'expected each domain once'
  const isOfCluster = isWithin(labelsOfDomain(domain), labelsOfDomain(clusterDomain))
  return isOfCluster ? `expected a domain outside of ${clusterDomain}` : undefined
}

/** @throws {DnsStubDomainError} */
function parseUpstreams(field: string, texts: readonly string[]): readonly Upstream[] {
  return texts.map((text, index) => {
    const upstream = parseUpstream(text)
    if (upstream !== undefined) return upstream
    throw new DnsStubDomainError(`${field}[${index}]`, 'expected an IP address, with or without :port', text)
  })
}
