import type { Query } from './message.ts'
import type { Content } from './wire/response.ts'

export type Transport = 'udp' | 'tcp'

/** Which part of the responder an answer comes from. Closed set, used as metric label; `none` answers malformed queries. */
export type ZoneName = 'cluster' | 'forward' | 'none'

/**
 * Why an answer is what it is. Closed set.
 *
 * - `service`: the ClusterIPs of a Service
 * - `headless-service`, `endpoint`: the endpoints of a headless Service; those of one host name
 * - `service-port`: where a named port of a Service is
 * - `external-name`: the name that a Service stands for, with its records
 * - `autopath`: a name further down the client's search list, with its records
 * - `pod`: the address that the name itself says
 * - `address`: the names of a ClusterIP or of an endpoint's address
 * - `no-type`: the name exists, without records of that type
 * - `service-not-served`: the Service exists, but can't be known or told: a headless one without ports that the mesh
 *   carries, an ExternalName that is no name
 * - `apex`, `non-terminal`, `dns-version`: names that the zone has whatever the cluster holds
 * - `absent`: the directory is loaded and has no such name
 * - `directory-not-loaded`: the directory does not know yet whether the name exists
 * - `upstream`: an upstream's answer
 * - `upstream-malformed`: what it sent is no well-formed message
 * - `cache`, `cache-stale`: an upstream's earlier answer, which still holds, or which no upstream answers anew
 * - `cache-failure`: no upstream's answer could be had a moment ago
 * - `loop`: a query of ours that an upstream sent back
 * - `alias-chain`: names that stand for one another without end
 * - `no-upstream`, `upstreams-failed`, `overloaded`, `stopping`: why no upstream's answer could be had
 * - `message`: the message itself was refused, its question unread
 * - `class-not-served`, `edns-version`, `zone-transfer`: what was refused of a question that could be read
 * - `internal-error`: a defect, logged
 */
export type AnswerRule =
  | 'service'
  | 'headless-service'
  | 'endpoint'
  | 'service-port'
  | 'external-name'
  | 'autopath'
  | 'pod'
  | 'address'
  | 'no-type'
  | 'service-not-served'
  | 'apex'
  | 'non-terminal'
  | 'dns-version'
  | 'absent'
  | 'directory-not-loaded'
  | 'upstream'
  | 'upstream-malformed'
  | 'cache'
  | 'cache-stale'
  | 'cache-failure'
  | 'loop'
  | 'alias-chain'
  | 'no-upstream'
  | 'upstreams-failed'
  | 'overloaded'
  | 'stopping'
  | 'message'
  | 'class-not-served'
  | 'edns-version'
  | 'zone-transfer'
  | 'internal-error'

/** What is answered, and by which zone and rule: every answer explains itself. Answers may be shared and are never changed. */
export interface Answer {
  readonly zone: ZoneName
  readonly rule: AnswerRule
  readonly content: Content
  /** The labels of the name that the answer leads to, and whose records are still missing. */
  readonly chase?: readonly string[]
}

/** What is known of a query beside its text. */
export interface QueryContext {
  readonly transport: Transport
  /** The client's address; `undefined` where nobody asked from anywhere. */
  readonly clientIp?: string | undefined
}

/**
 * Answers a query, or leaves it to the next handler with `undefined`. Answers at once where memory suffices; a promise
 * costs the hot path.
 */
export type Handler = (query: Query, context: QueryContext) => HandlerResult

export type HandlerResult = Answer | undefined | Promise<Answer | undefined>

/** A handler that asks each of `handlers` in order until one answers. */
export function chain(...handlers: readonly Handler[]): Handler {
  return chainFrom(handlers, 0)
}

function chainFrom(handlers: readonly Handler[], index: number): Handler {
  const handler = handlers[index]
  if (handler === undefined) return () => undefined
  const rest = chainFrom(handlers, index + 1)
  return (query, context) => {
    const answer = handler(query, context)
    if (answer instanceof Promise) return answer.then((late) => late ?? rest(query, context))
    return answer ?? rest(query, context)
  }
}

/** An answer without records, e.g. SERVFAIL, made from no authority. */
export function emptyAnswer(zone: ZoneName, rule: AnswerRule, rcode: number): Answer {
  return { zone, rule, content: { kind: 'records', rcode, authoritative: false, answers: [], authority: [] } }
}
