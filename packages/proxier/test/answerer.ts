import { createServer } from 'node:net'

/** Answers each TCP connection to `ip:port` with its name: `answerer.ts <name> <ip> <port>`. */
const [name = '', ip, port] = process.argv.slice(2)

createServer((client) => {
  // A client that is gone before it read the answer is no matter here.
  client.on('error', () => {})
  client.end(name)
}).listen({ host: ip, port: Number(port), backlog: 4_096 }, () => process.stdout.write('listening\n'))
