/**
 * `legacy-resolver.ts JSON`: asks one question by one packet from a port of its own, as `dig @224.0.0.251 -p 5353` did before its
 * version 9.18, and writes the first answer; for tests in namespaces.
 */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import dnsPacket from 'dns-packet'

/** `raw`: hexadecimal, sent as it is; nobody answers that. */
export type LegacyQuestion =
  | { readonly name: string; readonly type: 'PTR' | 'SRV' | 'AAAA' }
  | { readonly raw: string }

export interface LegacyAnswer {
  readonly from: readonly [string, number]
  readonly questions: readonly string[]
  /** Answers and additional ones. */
  readonly records: readonly string[]
}

const ID = 4_711
const socket = createSocket('udp4')

async function run(question: LegacyQuestion): Promise<LegacyAnswer | undefined> {
  const sent = once(socket, 'message')
  const bytes =
    'raw' in question
      ? Buffer.from(question.raw, 'hex')
      : dnsPacket.encode({ type: 'query', id: ID, questions: [question] })
  await new Promise((resolve) => socket.send(bytes, 5_353, '224.0.0.251', resolve))
  if ('raw' in question) return undefined
  const [answer, from] = await sent
  const { id, questions = [], answers = [], additionals = [] } = dnsPacket.decode(answer)
  if (id !== ID) throw new Error(`another question was answered: ${id}`)
  return {
    from: [from.address, from.port],
    questions: questions.map(({ name, type }) => `${type} ${name}`),
    records: [...answers, ...additionals].map(textOf),
  }
}

function textOf(record: dnsPacket.Answer): string {
  if (record.type === 'OPT') return 'OPT'
  return `${record.type} ${record.name} ${'ttl' in record ? record.ttl : ''} ${dataOf(record)}`
}

function dataOf(record: dnsPacket.Answer): string {
  if (record.type === 'SRV') return `${record.data.port} ${record.data.target}`
  if (record.type === 'TXT') return [record.data].flat().join(' ')
  if (record.type === 'NSEC') return record.data.rrtypes.join(' ')
  return 'data' in record ? String(record.data) : ''
}

const answer = await run(JSON.parse(process.argv[2] ?? ''))
process.stdout.write(`${JSON.stringify(answer ?? {})}\n`)
socket.close()
