import type { ServiceDirectory } from '@edgeway/core'
import { type Answer, emptyAnswer, type Handler } from '../handler.ts'
import { RCODE } from '../wire/codes.ts'
import { rcodeOf } from '../wire/response.ts'
import { isReverseName } from './reverse-name.ts'

const UNKNOWN = emptyAnswer('cluster', 'directory-not-loaded', RCODE.SERVFAIL)

/**
 * Asks `others`, but does not take their word that an address has no name while the directory was never loaded: it may be
 * one of the cluster's.
 */
export function knownAddresses(others: Handler, services: Pick<ServiceDirectory, 'loaded'>): Handler {
  return (query, context) => {
    const answer = others(query, context)
    if (services.loaded || !isReverseName(query.labels)) return answer
    return answer instanceof Promise ? answer.then(doubted) : doubted(answer)
  }
}

function doubted(answer: Answer | undefined): Answer | undefined {
  return answer !== undefined && rcodeOf(answer.content) === RCODE.NXDOMAIN ? UNKNOWN : answer
}
