import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { isPublic, parseHostPort, parsePeerAddress, withoutPeerId } from './addresses.ts'

describe('parseHostPort', () => {
  it.each([
    ['tunnel.example.com:20006', '/dns/tunnel.example.com/tcp/20006'],
    ['1.2.3.4:20006', '/ip4/1.2.3.4/tcp/20006'],
    ['[2a00::1]:20006', '/ip6/2a00::1/tcp/20006'],
  ])('reads %s', (text, expected) => {
    expect(parseHostPort(text).toString()).toBe(expected)
  })

  it.each(['', 'host', 'host:', ':80', '2a00::1:80', '[host]:80', 'host:70000', 'a b:80'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseHostPort(text)).toThrow('not an address')
    },
  )
})

describe('parsePeerAddress', () => {
  it('takes host and TCP port, and nothing else of what a peer may write', () => {
    expect(parsePeerAddress('/ip4/1.2.3.4/tcp/20008')?.toString()).toBe('/ip4/1.2.3.4/tcp/20008')
    for (const text of [
      '',
      'nonsense',
      '/ip4/1.2.3.4',
      '/ip4/1.2.3.4/udp/1',
      '/ip4/1.2.3.4/tcp/1/p2p-circuit',
      '/unix/a',
    ]) {
      expect(parsePeerAddress(text)).toBeUndefined()
    }
    expect(parsePeerAddress(`/dns4/${'a'.repeat(400)}/tcp/1`)).toBeUndefined()
  })
})

it('knows which addresses mean the same host everywhere', () => {
  const are = (...ips: string[]): boolean[] =>
    ips.map((ip) => isPublic(multiaddr(`/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/1`)))

  expect(are('1.2.3.4', '8.8.8.8', '2a00::1')).toEqual([true, true, true])
  expect(
    are('10.1.2.3', '100.64.0.1', '127.0.0.1', '192.168.1.1', '172.31.0.1', '169.254.96.16'),
  ).not.toContain(true)
  expect(are('::1', 'fe80::1', 'fd00::1', '::ffff:1.2.3.4')).not.toContain(true)
  expect(isPublic(multiaddr('/dns4/tunnel.example.com/tcp/1'))).toBe(true)
})

it('takes the PeerId off an address', () => {
  const peer = '12D3KooWRw48BNE3xLFTAZ64JHV2Pm6dAt32PYadh6zriuC14Lxb'
  expect(withoutPeerId(multiaddr(`/ip4/1.2.3.4/tcp/1/p2p/${peer}`))).toBe('/ip4/1.2.3.4/tcp/1')
  expect(withoutPeerId(multiaddr(`/ip4/1.2.3.4/tcp/1/p2p/${peer}/p2p-circuit`))).toBeUndefined()
})
