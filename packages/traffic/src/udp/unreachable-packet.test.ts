import { describe, expect, it } from 'vitest'
import { ipBytes, portUnreachable } from './unreachable-packet.ts'

describe('the ICMP message for a closed port', () => {
  it('quotes the datagram over IPv4, with both checksums', () => {
    const message = portUnreachable({ ip: '10.244.0.7', port: 40_000 }, { ip: '169.254.96.16', port: 5_300 })

    expect(message.toString('hex')).toBe(
      ['0303', '4c00', '00000000'].join('') +
        ['4500001c00000000', '4011', '65c8', '0af40007', 'a9fe6010'].join('') +
        ['9c40', '14b4', '0008', '0000'].join(''),
    )
  })

  it('quotes the datagram over IPv6', () => {
    const message = portUnreachable({ ip: 'fd00::7', port: 40_000 }, { ip: 'fd00:e::16', port: 5_300 })

    expect(message.toString('hex')).toBe(
      ['0104', '0000', '00000000'].join('') +
        ['60000000', '0008', '11', '40'].join('') +
        ['fd000000000000000000000000000007', 'fd00000e000000000000000000000016'].join('') +
        ['9c40', '14b4', '0008', '0000'].join(''),
    )
  })
})

describe('ipBytes', () => {
  it.each([
    ['192.0.2.1', 'c0000201'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['2001:db8::', '20010db8000000000000000000000000'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001'],
  ])('reads %s', (ip, hex) => {
    expect(ipBytes(ip).toString('hex')).toBe(hex)
  })
})
