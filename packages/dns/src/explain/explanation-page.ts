import type { StatusPage } from '@edgeway/core'
import { DnsQuestionError } from '../errors.ts'
import type { Explanation, Question } from './explanation.ts'

/** `?name=web.shop.svc.cluster.local&type=AAAA`: what is answered to that, and why; the type is A where none is given. */
export function explanationPage(dns: { explain(question: Question): Promise<Explanation> }): StatusPage {
  return async ({ name = '', type = 'A' }) => {
    try {
      return { kind: 'found', value: await dns.explain({ name, type }) }
    } catch (error) {
      if (error instanceof DnsQuestionError) return { kind: 'bad-parameters', problem: error.message }
      throw error
    }
  }
}
