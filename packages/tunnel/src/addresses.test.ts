import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import {
  isPublic,
  isWebSocketAddress,
  parseHostPort,
  parsePeerAddress,
  parseServerAddress,
  webSocketUrl,
  withoutPeerId,
} from './addresses.ts'

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

describe('parseServerAddress', () => {
  it.each([
    ['tunnel.example.com:20006', '/dns/tunnel.example.com/tcp/20006'],
    ['ws://tunnel.example.com', '/dns/tunnel.example.com/tcp/80/ws'],
    ['ws://1.2.3.4:8080', '/ip4/1.2.3.4/tcp/8080/ws'],
    ['wss://tunnel.example.com', '/dns/tunnel.example.com/tcp/443/tls/ws'],
    ['wss://tunnel.example.com:8443/', '/dns/tunnel.example.com/tcp/8443/tls/ws'],
    ['wss://[2a00::1]', '/ip6/2a00::1/tcp/443/tls/ws'],
    ['[2a00::1]:20006', '/ip6/2a00::1/tcp/20006'],
  ])('reads %s', (text, expected) => {
    expect(parseServerAddress(text).toString()).toBe(expected)
  })

  it.each([
    'tunnel.example.com',
    'https://host',
    'wss://',
    'wss://host/path',
    'wss://user@host/',
    'wss://host:70000',
    'wss://2a00::1',
    'ws://wss://host',
  ])('refuses "%s"', (text) => {
    expect(() => parseServerAddress(text)).toThrow(
      `not an address: "${text}"; expected host:port, ws://host[:port] or wss://host[:port]`,
    )
  })

  it.each(['ws://1.2.3.4:80', 'wss://tunnel.example.com:443', 'wss://[2a00::1]:443'])(
    'leads back to the URL %s',
    (text) => {
      const address = parseServerAddress(text)

      expect(isWebSocketAddress(address)).toBe(true)
      expect(webSocketUrl(address)).toBe(text)
    },
  )
})

it('tells addresses of WebSockets from those of TCP and from circuits through them', () => {
  const peer = '12D3KooWRw48BNE3xLFTAZ64JHV2Pm6dAt32PYadh6zriuC14Lxb'
  const are = (...texts: string[]): boolean[] => texts.map((text) => isWebSocketAddress(multiaddr(text)))

  expect(are('/ip4/1.2.3.4/tcp/1/ws', `/dns/a/tcp/1/tls/ws/p2p/${peer}`)).toEqual([true, true])
  expect(
    are('/ip4/1.2.3.4/tcp/1', '/ip4/1.2.3.4/tcp/1/tls', `/ip4/1.2.3.4/tcp/1/ws/p2p/${peer}/p2p-circuit`),
  ).toEqual([false, false, false])
})

describe('parsePeerAddress', () => {
  it('takes host and TCP port, with or without WebSocket, and nothing else of what a peer may write', () => {
    for (const text of ['/ip4/1.2.3.4/tcp/20008', '/dns/a/tcp/80/ws', '/dns4/a/tcp/443/tls/ws']) {
      expect(parsePeerAddress(text)?.toString()).toBe(text)
    }
    for (const text of [
      '',
      'nonsense',
      '/ip4/1.2.3.4',
      '/ip4/1.2.3.4/udp/1',
      '/ip4/1.2.3.4/tcp/1/p2p-circuit',
      '/ip4/1.2.3.4/tcp/1/tls',
      '/ip4/1.2.3.4/tcp/1/ws/http',
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
  expect(
    are('fec0::1', '::10.0.0.1', '64:ff9b::10.0.0.1', '64:ff9b:1::a00:1', '2002:a00:1::1'),
  ).not.toContain(true)
  expect(isPublic(multiaddr('/dns4/tunnel.example.com/tcp/1'))).toBe(true)
})

it('takes the PeerId off an address', () => {
  const peer = '12D3KooWRw48BNE3xLFTAZ64JHV2Pm6dAt32PYadh6zriuC14Lxb'
  expect(withoutPeerId(multiaddr(`/ip4/1.2.3.4/tcp/1/p2p/${peer}`))).toBe('/ip4/1.2.3.4/tcp/1')
  expect(withoutPeerId(multiaddr(`/ip4/1.2.3.4/tcp/1/p2p/${peer}/p2p-circuit`))).toBeUndefined()
})
