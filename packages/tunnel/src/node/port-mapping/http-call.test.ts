import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { httpCall } from './http-call.ts'

const never = new AbortController().signal

/** What the router says to whoever connects; it ends the connection after that where it `ends`. */
let said: { readonly bytes: Uint8Array; readonly ends: boolean }
let server: Server
let url: URL
beforeEach(async () => {
  server = createServer((socket) => {
    socket.on('error', () => {}).resume()
    if (said.ends) socket.end(said.bytes)
    else socket.write(said.bytes)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
})
afterEach(() => void server.close())

function says(text: string, ends = false): void {
  said = { bytes: Buffer.from(text), ends }
}

describe('a call to a router', () => {
  it('is answered with its status and text', async () => {
    says('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc')
    expect(await httpCall(url, { method: 'GET', signal: never })).toEqual({ status: 200, text: 'abc' })
  })

  it.each([
    [
      'that changes the protocol',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nabc',
    ],
    ['whose answer is longer than 64 KiB', `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(70_000)}`],
    ['whose headers have no end', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}`],
  ])('ends without an answer where one comes %s', async (_what, text) => {
    says(text)
    expect(await httpCall(url, { method: 'GET', signal: never })).toBeUndefined()
  })

  it('does not follow it elsewhere', async () => {
    says(`HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:1/\r\nContent-Length: 0\r\n\r\n`)
    expect(await httpCall(url, { method: 'GET', signal: never })).toEqual({ status: 302, text: '' })
  })

  it('always ends, whatever the router says before it hangs up', async () => {
    const start = fc.constantFrom(
      '',
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.1 101 x\r\nUpgrade: x\r\n',
      'HTTP/1.1 100 x\r\n\r\n',
    )
    await fc.assert(
      fc.asyncProperty(start, fc.uint8Array({ maxLength: 200 }), async (head, rest) => {
        said = { bytes: Buffer.concat([Buffer.from(head), rest]), ends: true }
        const answer = await httpCall(url, { method: 'GET', signal: never })
        expect(answer === undefined || typeof answer.text === 'string').toBe(true)
      }),
      { numRuns: 60 },
    )
  })
})
