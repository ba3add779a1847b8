import dnsPacket from 'dns-packet'

/** An address record's text, as tests compare it. */
export type Decoded = ReturnType<typeof dnsPacket.decode>

/** The bytes of a query as a client sends it, with EDNS where `udpPayloadSize` is given. */
export function queryOf(
  name: string,
  type: dnsPacket.RecordType | 'ANY' = 'A',
  { id = 0x1234, udpPayloadSize = 0, dnssecOk = false, flags = dnsPacket.RECURSION_DESIRED } = {},
): Buffer {
  const opt: dnsPacket.OptAnswer = {
    type: 'OPT',
    name: '.',
    udpPayloadSize,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: dnssecOk ? dnsPacket.DNSSEC_OK : 0,
    flag_do: dnssecOk,
    options: [],
  }
  return dnsPacket.encode({
    type: 'query',
    id,
    flags,
    // Its types lack ANY, its code does not.
    questions: [{ name, type: type as dnsPacket.RecordType }],
    additionals: udpPayloadSize === 0 ? [] : [opt],
  })
}

export function decode(message: Buffer): Decoded {
  return dnsPacket.decode(message)
}

/** The lower four bits of the flags: dns-packet's types don't tell its `rcode`. */
export function rcodeIn(message: Buffer): number {
  return message.readUInt16BE(2) & 0xf
}

/** `answers` as text, e.g. `['10.96.0.1']`. */
export function answersIn(message: Buffer): string[] {
  return (decode(message).answers ?? []).map((answer) => String('data' in answer ? answer.data : ''))
}

/** A reply to `query` with these addresses, as an upstream sends it. */
export function replyTo(
  query: Buffer,
  addresses: readonly string[],
  { flags = 0, id = query.readUInt16BE(0) } = {},
) {
  const { questions = [] } = decode(query)
  const name = questions[0]?.name ?? '.'
  return dnsPacket.encode({
    type: 'response',
    id,
    flags: flags | dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE,
    questions,
    answers: addresses.map((data) => ({ type: 'A', name, ttl: 60, data })),
  })
}
