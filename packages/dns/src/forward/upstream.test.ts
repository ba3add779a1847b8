import { describe, expect, it } from 'vitest'
import { parseResolvConf } from './resolv-conf.ts'
import { parseUpstream } from './upstream.ts'

describe('parseUpstream', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1:53'],
    ['192.0.2.1:5353', '192.0.2.1:5353'],
    ['fd00::1', '[fd00::1]:53'],
    ['[fd00::1]:5353', '[fd00::1]:5353'],
    ['fe80::1%eth0', '[fe80::1%eth0]:53'],
  ])('reads %s', (text, name) => {
    expect(parseUpstream(text)?.name).toBe(name)
  })

  it.each([
    '',
    'dns.example.com',
    '192.0.2.300',
    '192.0.2.1:0',
    '192.0.2.1:65536',
    '[192.0.2.1]:53',
    '[fd00::1]',
  ])('refuses "%s"', (text) => {
    expect(parseUpstream(text)).toBeUndefined()
  })
})

it('finds the nameservers of a resolv.conf in their order, and its last search list', () => {
  const text = [
    '# nameserver 192.0.2.9',
    'domain other.example',
    'search Example.com. corp.example',
    'nameserver 192.0.2.1',
    'nameserver\tfd00::1  # second',
    '; nameserver 192.0.2.8',
    'options ndots:5',
  ].join('\n')

  expect(parseResolvConf(text)).toEqual({
    nameservers: ['192.0.2.1', 'fd00::1'],
    search: ['example.com', 'corp.example'],
  })
  expect(parseResolvConf('search .')).toEqual({ nameservers: [], search: [] })
})
