/** `udp-echo.ts PORT`: sends back every datagram; writes a line of JSON once it does. */
import { createSocket } from 'node:dgram'

const [port = ''] = process.argv.slice(2)
const socket = createSocket({
  type: 'udp4',
  // Senders are IP addresses already; Node would look each one up.
  lookup: (address, _options, callback) => callback(null, address, 4),
})
socket.on('message', (datagram, sender) => socket.send(datagram, sender.port, sender.address))
// A client that has gone is told of by ICMP; the others go on.
socket.on('error', () => {})
socket.bind(Number(port), () => process.stdout.write('{"listening":true}\n'))
