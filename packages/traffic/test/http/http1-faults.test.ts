import { once } from 'node:events'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { get, HttpLab, RELAY_ENGINES, statusesOf } from './http-lab.ts'
import { HttpOrigin, response } from './http-origin.ts'

describe.each(RELAY_ENGINES)('What goes wrong within HTTP/1.1 by relay engine %s', (relayEngine) => {
  const start = (endpoints: Parameters<typeof HttpLab.start>[0]): Promise<HttpLab> =>
    HttpLab.start(endpoints, {}, { relayEngine })

  it('never sends a request again without the body that went with it the first time', async () => {
    const puts: number[] = []
    await using origin = await HttpOrigin.raw((socket) => {
      let asked = 0
      socket.on('data', (bytes) => {
        asked += 1
        if (bytes.includes('PUT')) puts.push(asked)
        if (bytes.includes('PUT') && asked === 2) socket.resetAndDestroy()
        else socket.write(response('ok'))
      })
    })
    await using http = await start([origin.endpoint])
    const client = await http.connect()
    client.write(get('/'))
    await once(client, 'data')

    client.end('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody')

    expect(statusesOf(await text(client))).toEqual([502])
    expect(puts).toEqual([2])
  })

  it('can use an endpoint’s connection whose response came when its client had just left', async () => {
    const asked: Socket[] = []
    const first = Promise.withResolvers<void>()
    await using origin = await HttpOrigin.raw((socket) => {
      socket.on('data', () => {
        first.resolve()
        if (asked.push(socket) > 1) socket.write(response('second'))
      })
    })
    await using http = await start([origin.endpoint])
    const client = await http.connect()
    client.write(get('/'))
    await first.promise
    // The agent hears of the response first, and finds the client gone when it passes it on.
    asked[0]?.write(response('first'))
    client.resetAndDestroy()
    await http.requestsEnded(1)

    expect(await http.exchange(get('/'))).toBe(response('second'))
  })
})
