/** Response codes in use (IANA DNS RCODEs). `BADVERS` does not fit the header: its upper bits are in the OPT record. */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const

/** Record types that the code branches on or that metrics tell apart (IANA RR TYPEs). */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  SVCB: 64,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const

export const CLASS_IN = 1

const RCODE_LABELS = labelsOf(RCODE)
const TYPE_LABELS = labelsOf(TYPE)

/** Metric label of a response code: one of `RCODE`, else `other`. */
export function rcodeLabel(rcode: number): string {
  return RCODE_LABELS.get(rcode) ?? 'other'
}

/** Metric label of a record type: one of `TYPE`, else `other`. */
export function typeLabel(type: number): string {
  return TYPE_LABELS.get(type) ?? 'other'
}

function labelsOf(codes: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(codes).map(([label, code]) => [code, label]))
}
