import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  encodeAddressRequest,
  encodeMapRequest,
  parseAddressAnswer,
  parseMapAnswer,
} from './nat-pmp-message.ts'
import { parseLocation } from './ssdp.ts'
import { elementOf, encodeCall, findWanService } from './upnp-message.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const GATEWAY = { ip: '192.168.1.1' }

describe('NAT-PMP', () => {
  it('asks as RFC 6886 draws it', () => {
    expect(encodeAddressRequest()).toEqual(hex('00 00'))
    const request = { internalPort: 20_008, externalPort: 443, lifetimeSeconds: 1_200 }
    expect(encodeMapRequest(request)).toEqual(hex('00 02 0000 4e28 01bb 000004b0'))
  })

  it('understands what was granted, and what was refused', () => {
    expect(parseAddressAnswer(hex('00 80 0000 00000009 2d500065'))).toEqual({
      kind: 'granted',
      ip: '45.80.0.101',
    })
    expect(parseMapAnswer(hex('00 82 0000 00000009 4e28 c000 00000e10'), 20_008)).toEqual({
      ...{ kind: 'granted', internalPort: 20_008, externalPort: 49_152, lifetimeSeconds: 3_600 },
    })
    const refused = { kind: 'refused', message: 'not authorized' }
    expect(parseMapAnswer(hex('00 82 0002 00000009'), 20_008)).toEqual(refused)
    expect(parseMapAnswer(hex('02 82 0001 00000009'), 20_008)).toMatchObject({ kind: 'refused' })
  })

  it('passes over all else, however short', () => {
    const answer = hex('00 82 0000 00000009 4e28 c000 00000e10')
    for (let length = 0; length < answer.length; length++) {
      expect(parseMapAnswer(answer.subarray(0, length), 20_008)).toBeUndefined()
      expect(parseAddressAnswer(answer.subarray(0, length))).toBeUndefined()
    }
    expect(parseMapAnswer(answer, 20_009)).toBeUndefined()
  })
})

describe('SSDP', () => {
  const answer = (location: string): string => `HTTP/1.1 200 OK\r\nST: x\r\nLocation: ${location}\r\n\r\n`

  it("takes an URL of the gateway's own", () => {
    expect(parseLocation(answer('http://192.168.1.1:5000/root.xml'), GATEWAY)?.href).toBe(
      'http://192.168.1.1:5000/root.xml',
    )
  })

  it.each([
    ['of another host', answer('http://192.168.1.2/')],
    ['of another scheme', answer('file:///etc/passwd')],
    ['with the gateway as user name', answer('http://192.168.1.1@192.168.1.2/')],
    ['that is too long', answer(`http://192.168.1.1/${'a'.repeat(400)}`)],
    ['that is none', answer('')],
    ['in a failure', 'HTTP/1.1 500 No\r\nLocation: http://192.168.1.1/\r\n\r\n'],
    ['in no answer', 'NOTIFY * HTTP/1.1\r\nLocation: http://192.168.1.1/\r\n\r\n'],
  ])('takes no URL %s', (_what, text) => {
    expect(parseLocation(text, GATEWAY)).toBeUndefined()
  })
})

describe('UPnP', () => {
  const LOCATION = new URL('http://192.168.1.1:5000/root.xml')
  const service = (type: string, url: string): string =>
    `<service>\n<serviceType>${type}</serviceType><controlURL>${url}</controlURL></service>`
  const WAN = 'urn:schemas-upnp-org:service:WANIPConnection:1'

  it('finds the service that maps ports among others', () => {
    const description = `<root><device>${service('urn:x:service:Other:1', '/o')}${service(WAN, '/ctl?a&amp;b')}</device></root>`
    const found = findWanService(description, LOCATION, GATEWAY)
    expect([found?.type, found?.controlUrl.href]).toEqual([WAN, 'http://192.168.1.1:5000/ctl?a&b'])
  })

  it('goes by URLBase', () => {
    const description = `<URLBase>http://192.168.1.1:80/igd/</URLBase>${service(WAN, 'ctl')}`
    expect(findWanService(description, LOCATION, GATEWAY)?.controlUrl.href).toBe('http://192.168.1.1/igd/ctl')
  })

  it.each([
    ['a service elsewhere', service(WAN, 'http://10.0.0.1/ctl')],
    ['no such service', service('urn:x:service:Other:1', '/o')],
    ['an element that never ends', `<service><serviceType>${WAN}</serviceType><controlURL>/ctl`],
    ['nothing', ''],
    ['endless beginnings', '<service><serviceType>'.repeat(3_000)],
  ])('finds none in %s', (_what, description) => {
    expect(findWanService(description, LOCATION, GATEWAY)).toBeUndefined()
  })

  it('writes calls, and reads values of answers', () => {
    const call = encodeCall(WAN, 'DeletePortMapping', { NewRemoteHost: '', NewExternalPort: '7' })
    expect(call).toContain(`<u:DeletePortMapping xmlns:u="${WAN}"><NewRemoteHost></NewRemoteHost>`)
    expect(elementOf(call, 'NewExternalPort')).toBe('7')
    expect(elementOf(call, 'NewProtocol')).toBeUndefined()
  })
})

describe('whatever a router says', () => {
  const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
  const answer = fc
    .tuple(fc.constantFrom(0, 2), fc.constantFrom(128, 130), bytes)
    .map(([version, opcode, rest]) => Buffer.from([version, opcode, ...rest]))
  const words = [
    'HTTP/1.1 200 OK',
    '\r\n',
    'LOCATION:',
    'http://',
    '192.168.1.1',
    '10.0.0.1',
    '@',
    ':',
    '/',
    '[::1]',
  ]
  const tags = [
    '<service>',
    '<serviceType>',
    '</serviceType>',
    '<controlURL>',
    '</controlURL>',
    '<URLBase>',
    '</URLBase>',
  ]
  const service = 'urn:schemas-upnp-org:service:WANIPConnection:1'
  const textOf = (...parts: readonly string[]) =>
    fc
      .array(fc.oneof(fc.constantFrom(...parts), fc.string({ maxLength: 5 })), { maxLength: 30 })
      .map((all) => all.join(''))

  it('throws nothing where a datagram is read', () => {
    fc.assert(
      fc.property(fc.oneof(bytes, answer), (datagram) => {
        parseAddressAnswer(datagram)
        parseMapAnswer(datagram, 20_008)
      }),
    )
  })

  it('leads to nobody but the router', () => {
    fc.assert(
      fc.property(textOf(...words), textOf(...tags, ...words, service), (location, description) => {
        const url = parseLocation(`HTTP/1.1 200 OK\r\nLOCATION:${location}`, GATEWAY)
        const found = findWanService(description, new URL('http://192.168.1.1:5000/'), GATEWAY)
        for (const each of [url, found?.controlUrl])
          if (each !== undefined) expect([each.protocol, each.hostname]).toEqual(['http:', '192.168.1.1'])
      }),
      { numRuns: 500 },
    )
  })
})
