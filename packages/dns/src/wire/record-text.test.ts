import dnsPacket from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { recordTexts } from './record-text.ts'

const QUESTION_END = 12 + 7 + 4

function messageOf(answer: dnsPacket.Answer): Buffer {
  return dnsPacket.encode({
    type: 'response',
    questions: [{ type: 'A', name: 'a.b.c' }],
    answers: [answer],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 512,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  })
}

describe('recordTexts', () => {
  it.each<[dnsPacket.Answer, string]>([
    [{ type: 'A', name: 'a.b', ttl: 5, data: '10.1.0.1' }, 'a.b. 5 IN A 10.1.0.1'],
    [{ type: 'AAAA', name: 'a.b', ttl: 5, data: 'fd00::1' }, 'a.b. 5 IN AAAA fd00::1'],
    [{ type: 'CNAME', name: 'a.b', ttl: 5, data: 'c.d' }, 'a.b. 5 IN CNAME c.d.'],
    [{ type: 'MX', name: 'a.b', ttl: 5, data: { preference: 10, exchange: 'c.d' } }, 'a.b. 5 IN MX 10 c.d.'],
    [
      { type: 'SRV', name: '_x._tcp.b', ttl: 5, data: { priority: 1, weight: 2, port: 3, target: 'c.d' } },
      '_x._tcp.b. 5 IN SRV 1 2 3 c.d.',
    ],
    [{ type: 'TXT', name: 'a.b', ttl: 5, data: ['one', 't"o'] }, 'a.b. 5 IN TXT "one" "t\\"o"'],
    [
      { type: 'CAA', name: '.', ttl: 5, data: { flags: 0, tag: 'issue', value: 'ca' } },
      '. 5 IN TYPE257 \\# 9 000569737375656361',
    ],
    [{ type: 'A', name: 'a b', ttl: 5, data: '10.1.0.1' }, 'a\\032b. 5 IN A 10.1.0.1'],
  ])('writes %j as %s', (answer, text) => {
    expect(recordTexts(messageOf(answer), QUESTION_END)).toEqual([text])
  })

  it('follows pointers, and says nothing of a malformed message', () => {
    const message = messageOf({ type: 'CNAME', name: 'x', ttl: 5, data: 'y' })
    const pointed = Buffer.concat([
      message.subarray(0, QUESTION_END),
      Buffer.from([0xc0, 14, 0, 5, 0, 1, 0, 0, 0, 5, 0, 2, 0xc0, 16]),
    ])
    pointed.writeUInt16BE(0, 10)
    expect(recordTexts(pointed, QUESTION_END)).toEqual(['b.c. 5 IN CNAME c.'])
    pointed.writeUInt8(0xff, pointed.length - 1)
    expect(recordTexts(pointed, QUESTION_END)).toBeUndefined()
  })
})
