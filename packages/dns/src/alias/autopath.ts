import { isWithin, labelsOfDomain } from '../forward/domain.ts'
import type { Answer, Handler, QueryContext } from '../handler.ts'
import { encodeRecord, isEncodableLabel, isEncodableName, type Query } from '../message.ts'
import { RCODE, TYPE } from '../wire/codes.ts'
import { type AliasChaser, aliasAnswer, type Followed } from './alias-chaser.ts'

/** More domains than a resolver's search list may have (resolv.conf(5)) are not tried. */
const MAX_SEARCH_DOMAINS = 6

export interface AutopathOptions {
  readonly clusterDomain: string
  readonly ttlSeconds: number
}

export interface AutopathDeps {
  readonly names: Pick<AliasChaser, 'handle' | 'follow'>
  /** The namespace of the pod that has the address; `undefined` where that is not known. */
  namespaceOf(ip: string): string | undefined
  /** The search list of the host, which pods have after the cluster's domains. */
  search(): readonly string[]
}

/**
 * Spares a pod the rest of its search list: a name that does not exist in the first domain of it, the one of its own
 * namespace, is at once looked for in the others and as it is. Where it is found, the answer says so by a CNAME; where
 * it is not, or can't be known, the answer stays "no such name", and the client goes on by itself.
 */
export function autopath(options: AutopathOptions, deps: AutopathDeps): Handler {
  const domain = labelsOfDomain(options.clusterDomain)

  const rest = (): readonly (readonly string[])[] => [
    ['svc', ...domain],
    domain,
    ...deps.search().slice(0, MAX_SEARCH_DOMAINS).map(labelsOfDomain),
    [],
  ]

  /** `undefined` where it is not found, or can't be known. */
  const search = async (query: Query, context: QueryContext): Promise<Answer | undefined> => {
    const name = query.labels.slice(0, -(domain.length + 2))
    const candidates = rest().map((labels) => [...name, ...labels])
    if (!candidates.every(isSearchable)) return undefined
    for (const labels of candidates) {
      const followed = await deps.names.follow(labels, query, context)
      // Whether it exists there can't be known, so neither can where it is found first.
      if (followed.rcode === RCODE.SERVFAIL) return undefined
      if (isFound(followed)) return aliasAnswer('autopath', [cnameTo(labels, options.ttlSeconds)], followed)
    }
    return undefined
  }

  return (query, context) => {
    const answer = deps.names.handle(query, context)
    if (answer === undefined || answer instanceof Promise || answer.rule !== 'absent') return answer
    const isAddress = query.type === TYPE.A || query.type === TYPE.AAAA
    if (!isAddress || !isInOwnNamespace(query.labels, domain, deps.namespaceOf(context.clientIp ?? '')))
      return answer
    return search(query, context).then((found) => found ?? answer)
  }
}

/** `[…name, namespace, 'svc', …domain]` */
function isInOwnNamespace(
  labels: readonly string[],
  domain: readonly string[],
  namespace: string | undefined,
): boolean {
  const depth = labels.length - domain.length
  return (
    namespace !== undefined &&
    depth > 2 &&
    isWithin(labels, domain) &&
    labels[depth - 1] === 'svc' &&
    labels[depth - 2] === namespace
  )
}

/** A name that only has names below it is not what anybody looks for. */
function isFound({ rcode, rule }: Followed): boolean {
  return rcode === RCODE.NOERROR && rule !== 'non-terminal'
}

/** False where the name has other bytes, or is too long with a domain after it. */
function isSearchable(labels: readonly string[]): boolean {
  return labels.every(isEncodableLabel) && isEncodableName(labels.join('.'))
}

function cnameTo(labels: readonly string[], ttlSeconds: number): Buffer {
  return encodeRecord({ ttlSeconds, record: { type: 'CNAME', data: labels.join('.') } })
}
