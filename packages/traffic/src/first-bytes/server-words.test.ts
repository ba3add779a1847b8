import { once } from 'node:events'
import { createServer } from 'node:http2'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { serverWords } from './server-words.ts'

const SETTINGS = '00000c040000000000000300000064000400ffff00'

describe('serverWords', () => {
  it.each([
    '220 mail.example ESMTP\r\n',
    'SSH-2.0-x\r\n',
    '+OK\r\n',
    'HTTP/2',
    'Hello',
    '\x4a\x00\x00\x00\x0a8.0.1',
  ])('takes %j for a greeting', (text) => {
    expect(serverWords(Buffer.from(text, 'latin1'))).toBe('greeting')
  })

  it.each([
    ['no SETTINGS', '000000010000000000'],
    ['flags of an acknowledgement', '000000040100000000'],
    ['another stream', '000000040000000001'],
    ['a length that no settings have', '000005040000000000'],
    ['more settings than there are', '00ffff040000000000'],
  ])('takes a frame of HTTP/2 for a greeting that is %s', (_what, hex) => {
    expect(serverWords(Buffer.from(hex, 'hex'))).toBe('greeting')
  })

  it('knows the preface of HTTP/2, at its first nine bytes', () => {
    const bytes = Buffer.from(SETTINGS, 'hex')
    for (let length = 0; length < bytes.length; length++)
      expect(serverWords(bytes.subarray(0, length)), `${length} bytes`).toBe(length < 9 ? 'more' : 'http2')
  })

  it('knows what a server of Node says first', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the server does not listen')
    const client = connect(address.port, '127.0.0.1')
    const [words] = await once(client, 'data')
    client.destroy()
    server.close()

    expect(serverWords(words)).toBe('http2')
  })

  it('knows a response of HTTP/1', () => {
    expect(serverWords(Buffer.from('HTTP/1.1 408 Request Timeout\r\n'))).toBe('http1')
    expect(serverWords(Buffer.from('HTTP/1'))).toBe('more')
  })
})
