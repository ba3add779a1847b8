import { Duplex } from 'node:stream'
import { type ConnectionOptions, connect } from 'node:tls'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientHello, MAX_HELLO_BYTES } from './client-hello.ts'

const HEADER_BYTES = 5

/** What a client of Node says first. */
async function realHello(options: ConnectionOptions): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>()
  const socket = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      resolve(chunk)
      done()
    },
  })
  const client = connect({ ...options, socket })
  client.on('error', () => {})
  const hello = await promise
  client.destroy()
  return hello
}

const named = await realHello({ servername: 'Shop.example', ALPNProtocols: ['h2', 'http/1.1'] })
const unnamed = await realHello({})
const old = await realHello({ servername: 'old.example', maxVersion: 'TLSv1.2' })

/** The same message in records of those lengths, and one of what is left. */
function inRecords(hello: Buffer, lengths: readonly number[]): Buffer {
  const message = hello.subarray(HEADER_BYTES)
  const records: Buffer[] = []
  let at = 0
  for (const length of [...lengths, message.length]) {
    const part = message.subarray(at, at + length)
    if (part.length > 0) records.push(recordOf(part))
    at += length
  }
  return Buffer.concat(records)
}

function recordOf(content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([22, 3, 1, content.length >> 8, content.length & 0xff]), content])
}

/** A ClientHello with those extensions: pairs of type and content. */
function helloWith(extensions: readonly (readonly [number, Buffer])[]): Buffer {
  const parts = extensions.map(([type, content]) =>
    Buffer.concat([uint16(type), uint16(content.length), content]),
  )
  const all = Buffer.concat(parts)
  const body = Buffer.concat([
    Buffer.alloc(34),
    Buffer.from('000002130101 00'.replace(' ', ''), 'hex'),
    uint16(all.length),
    all,
  ])
  return recordOf(Buffer.concat([Buffer.from([1, 0, body.length >> 8, body.length & 0xff]), body]))
}

function uint16(number: number): Buffer {
  return Buffer.from([number >> 8, number & 0xff])
}

function serverNames(...names: readonly (readonly [number, string])[]): Buffer {
  const list = Buffer.concat(
    names.map(([type, name]) =>
      Buffer.concat([Buffer.from([type]), uint16(name.length), Buffer.from(name, 'latin1')]),
    ),
  )
  return Buffer.concat([uint16(list.length), list])
}

const nameOf = (name: string): unknown => clientHello(helloWith([[0, serverNames([0, name])]]))

describe('clientHello', () => {
  it('reads the server name that a client wants, in lower case', () => {
    expect(clientHello(named)).toEqual({ serverName: 'shop.example' })
    expect(clientHello(old)).toEqual({ serverName: 'old.example' })
    expect(nameOf('a_b-c.d1')).toEqual({ serverName: 'a_b-c.d1' })
  })

  it('tells that there is none', () => {
    expect(clientHello(unnamed)).toEqual({ serverName: undefined })
    expect(clientHello(helloWith([]))).toEqual({ serverName: undefined })
  })

  it.each(['', '.', 'a..b', 'a.', '.a', 'a b', 'a\nb', 'a:443', '[::1]', 'é.example', 'a'.repeat(254)])(
    'takes %j for no name',
    (name) => {
      expect(nameOf(name)).toEqual({ serverName: undefined })
    },
  )

  it('does not mind what follows', () => {
    expect(clientHello(Buffer.concat([named, Buffer.from([20, 3, 3, 0, 1, 1])]))).toEqual(clientHello(named))
  })

  it('does not mind names of other types', () => {
    expect(clientHello(helloWith([[0, serverNames([7, 'odd'], [0, 'a.example'])]]))).toEqual({
      serverName: 'a.example',
    })
  })

  it('reads it however it is split over records', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 40 }), (lengths) => {
        expect(clientHello(inRecords(named, lengths))).toEqual({ serverName: 'shop.example' })
      }),
    )
  })

  it('reads none that is split over more records than anybody makes', () => {
    expect(clientHello(inRecords(named, new Array<number>(63).fill(1)))).toEqual({
      serverName: 'shop.example',
    })
    expect(clientHello(inRecords(named, new Array<number>(64).fill(1)))).toBeUndefined()
  })

  it('wants more as long as it is not whole, however it is split', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 10 }),
        fc.double({ min: 0, max: 1 }),
        (lengths, share) => {
          const hello = inRecords(named, lengths)
          expect(clientHello(hello.subarray(0, Math.floor(share * (hello.length - 1))))).toBe('more')
        },
      ),
    )
  })

  it.each([
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['an alert', Buffer.from('15030100020228', 'hex')],
    ['another version', Buffer.from('160201', 'hex')],
    ['an empty record', Buffer.from('1603010000', 'hex')],
    ['another message of the handshake', Buffer.from('160301000402', 'hex')],
    ['a message that is too short', recordOf(Buffer.from('0100000501020304', 'hex'))],
    ['a record that is too long', Buffer.from('160301ffff', 'hex')],
    [
      'a message that is too long',
      recordOf(Buffer.concat([Buffer.from('01010000', 'hex'), Buffer.alloc(100)])),
    ],
    [
      'two extensions of names',
      helloWith([
        [0, serverNames([0, 'a'])],
        [0, serverNames([0, 'b'])],
      ]),
    ],
    ['two host names', helloWith([[0, serverNames([0, 'a'], [0, 'b'])]])],
    ['a list that is longer than its extension', helloWith([[0, Buffer.from('00ff00', 'hex')]])],
    ['a name that is longer than its list', helloWith([[0, Buffer.from('00040000ff61', 'hex')]])],
    ['bytes behind the list', helloWith([[0, Buffer.concat([serverNames([0, 'a']), Buffer.from([0])])]])],
  ])('takes %s for none', (_what, bytes) => {
    expect(clientHello(bytes)).toBeUndefined()
  })

  it('never waits for more than it would take', () => {
    const endless = Buffer.concat(Array.from({ length: MAX_HELLO_BYTES }, () => recordOf(Buffer.from([1]))))
    expect(clientHello(endless.subarray(0, MAX_HELLO_BYTES + 12))).toBeUndefined()
  })

  it('has an answer for anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (array) => {
        const bytes = Buffer.from(array)
        for (const one of [
          bytes,
          recordOf(bytes),
          recordOf(Buffer.concat([Buffer.from([1, 0, 0, bytes.length]), bytes])),
        ])
          expect(['undefined', 'string', 'object']).toContain(typeof clientHello(one))
      }),
    )
  })

  it('has an answer for any that was damaged', () => {
    fc.assert(
      fc.property(fc.nat(named.length - 1), fc.nat(255), fc.nat(named.length), (at, value, length) => {
        const damaged = Buffer.from(named.subarray(0, length))
        if (at < damaged.length) damaged[at] = value
        const hello = clientHello(damaged)
        if (typeof hello === 'object') expect(hello.serverName ?? 'a').toMatch(/^[a-z0-9._-]+$/)
      }),
      { numRuns: 2_000 },
    )
  })
})
