import type dnsPacket from 'dns-packet'
import { RCODE } from '../../src/wire/codes.ts'
import type { Behaviour } from './fake-upstream.ts'
import { decode } from './query.ts'
import { addressRecord, replyOf, soaRecord } from './reply.ts'

/** What a resolver knows of a name: IPv4 addresses, or the name that it stands for. */
export type Names = Readonly<Record<string, readonly string[] | { readonly cname: string }>>

/** Answers as a resolver that knows these names and no others; TTL 60. */
export function resolving(names: Names): Behaviour {
  return ({ message }) => {
    const { name, type } = questionOf(message)
    const { answers, end } = chainFrom(names, name)
    const known = names[end.toLowerCase()]
    // An unknown end of a chain is left to who asks.
    if (known === undefined) return [replyOf(message, answers.length === 0 ? ABSENT : { answers })]
    const ips = type === 'A' ? addressesOf(known) : []
    answers.push(...ips.map((ip) => addressRecord(end, 60, ip)))
    return [replyOf(message, { answers, authorities: ips.length > 0 ? [] : SOA })]
  }
}

function questionOf(message: Buffer): dnsPacket.Question {
  return decode(message).questions?.[0] ?? { name: '', type: 'A' }
}

const SOA = [soaRecord(30, 30)]
const ABSENT = { flags: RCODE.NXDOMAIN, authorities: SOA }

function addressesOf(known: Names[string]): readonly string[] {
  return 'cname' in known ? [] : known
}

function chainFrom(names: Names, asked: string): { answers: dnsPacket.Answer[]; end: string } {
  const answers: dnsPacket.Answer[] = []
  let end = asked
  for (let count = 0; count < 20; count++) {
    const known = names[end.toLowerCase()]
    if (known === undefined || !('cname' in known)) break
    answers.push({ type: 'CNAME', name: end, ttl: 60, data: known.cname })
    end = known.cname
  }
  return { answers, end }
}

/** The names that were asked for, in lower case, with types where they are not A. */
export function namesIn(received: readonly { readonly message: Buffer }[]): string[] {
  return received.map(({ message }) => {
    const { name, type } = questionOf(message)
    return type === 'A' ? name.toLowerCase() : `${name.toLowerCase()} ${type}`
  })
}

/** The records of all answers as lines `name type data`, names in lower case. */
export function linesIn(message: Buffer): string[] {
  return (decode(message).answers ?? []).map(
    (answer) => `${answer.name.toLowerCase()} ${answer.type} ${'data' in answer ? String(answer.data) : ''}`,
  )
}
