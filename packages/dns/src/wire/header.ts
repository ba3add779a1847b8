/** Layout of a DNS message's header: id, flags, four counts, 16 bits each (RFC 1035 section 4.1.1). */
export const HEADER_BYTES = 12

export const FLAG = {
  QR: 0x8000,
  OPCODE: 0x7800,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
  RCODE: 0x000f,
} as const

/** Type and class after the name. */
export const QUESTION_TAIL_BYTES = 4

/** An OPT record without options: root name, type, class, TTL, length 0 (RFC 6891 section 6.1.2). */
export const OPT_BYTES = 11

/** The DO bit of the OPT record's flags (RFC 3225). */
export const DNSSEC_OK = 0x8000
