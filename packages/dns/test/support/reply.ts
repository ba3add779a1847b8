import dnsPacket from 'dns-packet'
import { decode } from './query.ts'

const SOA = {
  mname: 'ns.example.com',
  rname: 'admin.example.com',
  serial: 1,
  refresh: 1,
  retry: 1,
  expire: 1,
}

interface ReplyParts {
  readonly flags?: number
  readonly answers?: dnsPacket.Answer[]
  readonly authorities?: dnsPacket.Answer[]
  readonly additionals?: dnsPacket.Answer[]
}

/** The upstream's reply of these records to `query`. */
export function replyOf(query: Buffer, { flags = 0, ...sections }: ReplyParts): Buffer {
  return dnsPacket.encode({
    type: 'response',
    id: query.readUInt16BE(0),
    flags: flags | dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE,
    questions: decode(query).questions ?? [],
    ...sections,
  })
}

export function addressRecord(name: string, ttl: number, data = '192.0.2.1'): dnsPacket.Answer {
  return { type: 'A', name, ttl, data }
}

export function soaRecord(ttl: number, minimum: number): dnsPacket.Answer {
  return { type: 'SOA', name: 'example.com', ttl, data: { ...SOA, minimum } }
}

export function optRecord({ extendedRcode = 0, flags = 0 } = {}): dnsPacket.OptAnswer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: 1_232,
    extendedRcode,
    ednsVersion: 0,
    flags,
    flag_do: (flags & dnsPacket.DNSSEC_OK) !== 0,
    options: [],
  }
}

/** The TTLs of a message's records in their order. */
export function ttlsIn(message: Buffer): number[] {
  const { answers = [], authorities = [], additionals = [] } = decode(message)
  return [...answers, ...authorities, ...additionals].flatMap((record) =>
    'ttl' in record ? [record.ttl ?? 0] : [],
  )
}
