import type { Logger, NodeName, ServiceDirectory } from '@edgeway/core'
import { AliasChaser } from './alias/alias-chaser.ts'
import { autopath } from './alias/autopath.ts'
import { PodNamespaces } from './alias/pod-namespaces.ts'
import { AnswerCache } from './cache/answer-cache.ts'
import { Forwarding } from './forward/forwarding.ts'
import type { Upstream } from './forward/upstream.ts'
import { chain, type Handler } from './handler.ts'
import type { DnsMetrics } from './metrics.ts'
import type { DnsOptions } from './options.ts'
import { clusterZone } from './zone/cluster-zone.ts'
import { knownAddresses } from './zone/known-addresses.ts'
import { ReverseZone } from './zone/reverse-zone.ts'

/** What the responder reads of the cluster. */
export type ResolutionServices = Pick<
  ServiceDirectory,
  'loaded' | 'service' | 'hasNamespace' | 'endpoints' | 'servicePorts' | 'servicePort' | 'serviceOf' | 'watch'
>

export interface ResolutionDeps {
  readonly services: ResolutionServices
  readonly nodeName: NodeName
  readonly logger: Logger
  readonly metrics: Pick<DnsMetrics, 'forward' | 'cache'>
  /** Ends all waiting for upstreams. */
  readonly signal: AbortSignal
  /** Whether asking there would be asking ourselves. */
  isOurself(upstream: Upstream): boolean
}

interface Parts {
  readonly handler: Handler
  readonly cache: AnswerCache
  readonly forwarding: Forwarding
  readonly stack: DisposableStack
}

/**
 * Everything between a query and its answer: the cluster's zones from the directory, or in cache mode from the cluster's
 * DNS; all other names from upstreams; a cache in front of them all.
 */
export class Resolution {
  readonly handler: Handler
  readonly #cache: AnswerCache
  readonly #forwarding: Forwarding
  readonly #stack: DisposableStack

  private constructor({ handler, cache, forwarding, stack }: Parts) {
    this.handler = handler
    this.#cache = cache
    this.#forwarding = forwarding
    this.#stack = stack
  }

  /**
   * @throws {DnsUpstreamError} when a configured upstream can't be read
   * @throws {DnsStubDomainError} when a stub domain can't be served
   */
  static async start(options: DnsOptions, deps: ResolutionDeps): Promise<Resolution> {
    using stack = new DisposableStack()
    const reverse = stack.use(new ReverseZone(options, deps.services))
    const forwarding = await Forwarding.start(options, {
      ...deps,
      metrics: deps.metrics.forward,
      isOfCluster: (labels) => reverse.has(labels),
    })
    const cache = new AnswerCache(options, {
      next: forwarding.handle,
      groupOf: (query) => forwarding.groupOf(query),
      metrics: deps.metrics.cache,
      logger: deps.logger,
      now: () => performance.now(),
    })
    const others = chain(forwarding.ownQueries, options.cacheBytes === 0 ? forwarding.handle : cache.handle)
    const names = clusterNames(options, deps, { others, forwarding, stack })
    const handler = options.clusterDns.cacheMode
      ? others
      : chain(names, reverse.handle, knownAddresses(others, deps.services))
    return new Resolution({ handler, cache, forwarding, stack: stack.move() })
  }

  /** Follows directory and resolv.conf no more. Answers in work still come. */
  async stopFollowing(): Promise<void> {
    await this.#forwarding.stopFollowing()
    this.#stack.dispose()
  }

  /** Resolves when nothing is asked in the background any more, which takes the signal. Never rejects. */
  async settled(): Promise<void> {
    await Promise.all([this.#cache.settled(), this.#forwarding.settled()])
  }
}

/** Answers the cluster's names from the directory, with what they lead to elsewhere. */
function clusterNames(
  options: DnsOptions,
  { services, nodeName }: ResolutionDeps,
  { others, forwarding, stack }: Pick<Parts, 'forwarding' | 'stack'> & { readonly others: Handler },
): Handler {
  const names = new AliasChaser(clusterZone(options, services), others)
  if (!options.autopath) return names.handle
  const pods = stack.use(new PodNamespaces(services, nodeName))
  return autopath(options, {
    names,
    namespaceOf: (ip) => pods.namespaceOf(ip),
    search: () => forwarding.search,
  })
}
