import { once } from 'node:events'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { get, HttpLab, poolOf, RELAY_ENGINES, statusesOf } from './http-lab.ts'
import { HttpOrigin, response } from './http-origin.ts'

const ONE_CONNECTION = poolOf({ maxConnections: 1 }, { maxPendingRequests: 1 })

describe.each(RELAY_ENGINES)('Limits of HTTP/1.1 by relay engine %s', (relayEngine) => {
  it('let no request that was given up take the place of one that waits', async () => {
    const asked = Promise.withResolvers<Socket>()
    await using origin = await HttpOrigin.answering((head, socket) => {
      if (head.startsWith('GET /next')) return response('next')
      asked.resolve(socket)
      return undefined
    })
    await using http = await HttpLab.start([origin.endpoint], ONE_CONNECTION, { relayEngine })
    const first = await http.connect()
    first.write(get('/first'))
    const holder = await asked.promise
    const given = await http.connect()
    given.write(get('/given-up'), () => given.resetAndDestroy())
    await once(given, 'close')
    await http.requestsEnded(1)

    const next = http.exchange(get('/next'))
    // Refused at once where it may not wait.
    holder.write(response('first'))
    first.end()

    expect(await text(first)).toBe(response('first'))
    expect(statusesOf(await next)).toEqual([200])
  })

  it('answer 5,000 requests that were sent at once, in order', { timeout: 60_000 }, async () => {
    await using origin = await HttpOrigin.answering((head) => response(head.slice(5, head.indexOf(' ', 5))))
    await using http = await HttpLab.start([origin.endpoint], {}, { relayEngine })
    const count = 5_000

    const received = await http.exchange(...Array.from({ length: count }, (_, n) => get(`/${n}`)))

    const bodies = received.split(/HTTP\/1\.1 200 OK\r\nContent-Length: \d\r\n\r\n/).slice(1)
    expect(bodies).toEqual(Array.from({ length: count }, (_, n) => String(n)))
  })

  it('take no upgrade to a protocol that the client has not named', async () => {
    await using origin = await HttpOrigin.answering(
      () => 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    )
    await using http = await HttpLab.start([origin.endpoint], {}, { relayEngine })
    const upgrade = get('/', 'Connection: Upgrade', 'Upgrade: websocket')

    expect(statusesOf(await http.exchange(upgrade))).toEqual([502])
  })

  it('ask no endpoint for HTTP/2, though the client names another protocol beside it', async () => {
    await using origin = await HttpOrigin.answering((head) => response(String(/upgrade/i.test(head))))
    await using http = await HttpLab.start([origin.endpoint], {}, { relayEngine })
    const upgrade = get('/', 'Connection: Upgrade', 'Upgrade: websocket, h2c')

    expect(await http.exchange(upgrade)).toBe(response('false'))
  })
})
