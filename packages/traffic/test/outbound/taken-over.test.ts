import { once } from 'node:events'
import { connect, performServerHandshake } from 'node:http2'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { resetSocket } from '../../src/kernel/reset-socket.ts'
import { Wires } from '../../src/wire/wires.ts'
import { NODE } from '../traffic-lab.ts'
import { Told } from '../wire/wire-world.ts'
import { OutboundLab } from './outbound-lab.ts'

const HTTP = { annotations: { 'edgeway.io/forwarding': 'l7' }, appProtocol: 'http' }

const silent = (socket: Socket): void => void socket.resume()

describe('a connection that turned out to speak HTTP', () => {
  it('can be served by node:http2', async () => {
    await using web = await startTcpEndpoint(silent, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint] })
    const socket = await lab.connect()
    const client = connect('http://web', { createConnection: () => socket })
    client.on('error', () => {})
    const asked = client.request({ ':path': '/x' })

    const { caller } = await lab.serving()
    const session = performServerHandshake(caller.client)
    session.on('stream', (stream, headers) => {
      stream.respond({ ':status': 200 })
      stream.end(`path ${headers[':path']}`)
    })

    expect(await text(asked)).toBe('path /x')
    client.close()
  })

  it.each(['auto', 'stream'])('can be read as a wire (%s)', async (engine) => {
    await using web = await startTcpEndpoint(silent, NODE)
    await using lab = await OutboundLab.start({ ...HTTP, endpoints: [web.endpoint] })
    const client = await lab.connect()
    client.write('GET /one HTTP/1.1\r\n\r\n')

    const { caller } = await lab.serving()
    const told = new Told()
    const stream = caller.client
    const wires = await Wires.start({ engine })
    const wire = wires.wire({ stream, reset: () => resetSocket(stream) }, told)
    wire.resume()
    expect(told.text).toBe('GET /one HTTP/1.1\r\n\r\n')
    client.write('GET /two HTTP/1.1\r\n\r\n')
    await told.until(() => told.text.includes('two'))
    wire.writeText('HTTP/1.1 204 No Content\r\n\r\n')
    const [answer] = await once(client, 'data')
    client.end()
    await told.event('end')
    wire.end()
    await told.event('closed')

    expect(String(answer)).toContain('204')
  })
})
