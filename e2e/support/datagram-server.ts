/**
 * A UDP server that sends each datagram back, behind a line that says who answers whom: `NAME ADDRESS:PORT\n`. One that begins
 * with `wait N ` is answered N milliseconds later. One of the greatest size comes back as it is: there is no room for a line.
 *
 *     datagram-server.ts PORT NAME NODE
 */
import { createSocket } from 'node:dgram'
import { announce } from './announce.ts'

const MAX_PAYLOAD_BYTES = 65_507
const BUFFER_BYTES = 1_048_576

const [port = '', name = ''] = process.argv.slice(2)
const socket = createSocket('udp4')
socket.on('message', (message, { address, port: from }) => {
  const line = Buffer.from(`${name} ${address}:${from}\n`)
  const answer = message.length === MAX_PAYLOAD_BYTES ? message : Buffer.concat([line, message])
  const [, waitMs = '0'] = /^wait (\d+) /.exec(message.toString('latin1', 0, 20)) ?? []
  setTimeout(() => socket.send(answer, from, address), Number(waitMs))
})
socket.bind(Number(port), () => {
  socket.setRecvBufferSize(BUFFER_BYTES)
  socket.setSendBufferSize(BUFFER_BYTES)
  announce(Number(port))
})
