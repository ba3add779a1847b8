import { describe, expect, it } from 'vitest'
import { proxyHeaderV2 } from './proxy-protocol.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const LOCAL = `${SIGNATURE}20000000`
const CLIENT = { ip: '192.0.2.7', port: 40_000 }
const CALLED = { ip: '10.96.0.1', port: 443 }
const CLIENT6 = { ip: '2001:db8::7', port: 40_000 }
const CALLED6 = { ip: 'fd00:96::1', port: 443 }

function hex(source: typeof CLIENT | undefined, destination: typeof CLIENT | undefined): string {
  return proxyHeaderV2({ source, destination }).toString('hex')
}

describe('proxyHeaderV2', () => {
  it('tells both ends of a connection over IPv4', () => {
    expect(hex(CLIENT, CALLED)).toBe(`${SIGNATURE}2111000cc00002070a6000019c4001bb`)
  })

  it('tells both ends of a connection over IPv6', () => {
    const source = '20010db8000000000000000000000007'
    const destination = 'fd000096000000000000000000000001'
    expect(hex(CLIENT6, CALLED6)).toBe(`${SIGNATURE}21210024${source}${destination}9c4001bb`)
  })

  it('tells ends of two families both as IPv6, the IPv4 one mapped', () => {
    const mapped = '00000000000000000000ffffc0000207'
    const called = 'fd000096000000000000000000000001'
    expect(hex(CLIENT, CALLED6)).toBe(`${SIGNATURE}21210024${mapped}${called}9c4001bb`)
    expect(hex(CALLED6, CLIENT)).toBe(`${SIGNATURE}21210024${called}${mapped}01bb9c40`)
  })

  it('tells IPv4 that a socket of both families wrote as IPv6 as IPv4', () => {
    expect(hex({ ...CLIENT, ip: '::ffff:192.0.2.7' }, CALLED)).toBe(hex(CLIENT, CALLED))
    expect(hex({ ...CLIENT, ip: '::ffff:c000:207' }, CALLED)).toBe(hex(CLIENT, CALLED))
  })

  it.each([
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['fe80::', 'fe800000000000000000000000000000'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1::8', '00010000000000000000000000000008'],
    ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221'],
    ['fe80::1%eth0.100', 'fe800000000000000000000000000001'],
  ])('writes %s in network order, without a zone', (ip, bytes) => {
    expect(hex({ ip, port: 1 }, CALLED6).slice(32, 64)).toBe(bytes)
  })

  it('leaves an end that is not known, or is no address, to the connection itself', () => {
    expect(hex(undefined, CALLED)).toBe(LOCAL)
    expect(hex(CLIENT, undefined)).toBe(LOCAL)
    expect(hex({ ip: '', port: 0 }, CALLED)).toBe(LOCAL)
    expect(hex(CLIENT, { ip: 'web.shop', port: 80 })).toBe(LOCAL)
  })
})
