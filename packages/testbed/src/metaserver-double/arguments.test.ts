import { describe, expect, it } from 'vitest'
import { describeFaults, readArguments } from './arguments.ts'

describe('arguments', () => {
  it('become options, with what is not said left to the defaults', () => {
    const args =
      '--listen [::1]:10550 --compat master --fault watchGap=false --fault endpointSliceLists=off --rtt-ms 20'
    expect(readArguments(args.split(' '))).toMatchObject({
      name: 'serve',
      options: {
        host: '::1',
        port: 10550,
        compat: 'master',
        faults: { watchGap: false, endpointSliceLists: 'off' },
        rttMs: 20,
        secure: undefined,
      },
    })
    expect(readArguments(['--secure', '--token', 'one', '--token', 'two'])).toMatchObject({
      options: { secure: { tokens: ['one', 'two'] } },
    })
    expect(readArguments(['--manifests', 'a.yaml', 'b.yaml'])).toMatchObject({
      manifests: ['a.yaml', 'b.yaml'],
    })
  })

  it.each([
    [['--listen', 'nowhere'], '--listen: expected HOST:PORT, found nowhere'],
    [['--control', '127.0.0.1:70000'], '--control: expected HOST:PORT, found 127.0.0.1:70000'],
    [['--compat', 'v1.0'], '--compat: expected v1.22, v1.23, master, found v1.0'],
    [['--fault', 'gremlins=true'], 'no fault gremlins'],
    [['--fault', 'watchGap'], '--fault: expected NAME=VALUE, found watchGap'],
    [['--rtt-ms', 'long'], '--rtt-ms: expected a number, found long'],
    [['--upstream', 'here'], '--upstream: expected an http URL, found here'],
    [['--upstream', 'http://127.0.0.1:1', '--manifests', 'x.yaml'], 'apply them to the --upstream'],
    [['--token', 'x'], '--token, --tls-name and --pki are for --secure'],
  ])('%j are refused by name', (args, message) => {
    expect(() => readArguments(args)).toThrow(message)
  })

  it('can ask for all switches, with what they are in a release', () => {
    expect(readArguments(['--list-faults', '--compat', 'master'])).toEqual({
      name: 'list-faults',
      compat: 'master',
    })
    const table = describeFaults('master')
    expect(table).toMatch(/^maskListErrors +true +LIST: /m)
    expect(table).toMatch(/^staleUidDeletes +false +/m)
    expect(table).toMatch(/^endpointSliceLists +master /m)
  })
})
