/**
 * `odd-gateway.ts <manner>`: what answers NAT-PMP and SSDP on a router of a lab, and in which manner: `garbage` of all kinds, or
 * `private`, a NAT-PMP router that is behind a NAT itself. Writes `ready`, then a line for each datagram and HTTP request.
 */

import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'

const manner = process.argv[2]
const LAN = '192.168.1.1'
const HTTP_PORT = 8_080

const pmp = createSocket('udp4')
const ssdp = createSocket({ type: 'udp4', reuseAddr: true })
const http = createServer((request, response) => {
  process.stdout.write(`http ${request.url}\n`)
  response.writeHead(200, { 'content-type': 'text/xml' })
  // Never ends, and is no XML.
  const pour = (): void => {
    while (!response.destroyed && response.write('<service>'.repeat(1_000)));
    response.once('drain', pour)
  }
  pour()
})

function answers(message: Buffer): Buffer[] {
  const opcode = message[1] ?? 0
  if (manner === 'private') {
    const answer = Buffer.alloc(opcode === 0 ? 12 : 16)
    answer.writeUInt8(128 + opcode, 1)
    if (opcode === 0) Buffer.from([100, 64, 0, 7]).copy(answer, 8)
    else message.copy(answer, 8, 4)
    return [answer]
  }
  const header = Buffer.from([0, 128 + opcode, 0, 0])
  return [
    ...[Buffer.alloc(0), Buffer.from([0]), header, Buffer.alloc(1_400, 0xff)],
    // Success, cut short, and of another port.
    ...[Buffer.concat([header, Buffer.alloc(7)]), Buffer.concat([header, Buffer.alloc(2)])],
  ]
}

function location(url: string): Buffer {
  return Buffer.from(`HTTP/1.1 200 OK\r\nST: x\r\nLOCATION: ${url}\r\n\r\n`)
}

const FOUND = [
  Buffer.from('HTTP/1.1 200 OK'),
  Buffer.alloc(1_400, 0x0a),
  location('file:///etc/passwd'),
  location('http://45.80.0.66/'),
  location(`http://${LAN}:${HTTP_PORT}/description.xml`),
]

pmp.on('message', (message, from: RemoteInfo) => {
  process.stdout.write('nat-pmp\n')
  for (const answer of answers(message)) pmp.send(answer, from.port, from.address)
})
ssdp.on('message', (_message, from: RemoteInfo) => {
  process.stdout.write('ssdp\n')
  if (manner === 'garbage') for (const answer of FOUND) ssdp.send(answer, from.port, from.address)
})
pmp.bind(5_351)
ssdp.bind(1_900, () => ssdp.addMembership('239.255.255.250', LAN))
http.listen(HTTP_PORT, LAN)
await Promise.all([once(pmp, 'listening'), once(ssdp, 'listening'), once(http, 'listening')])
process.stdout.write('ready\n')
