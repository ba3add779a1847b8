/** A TCP server that speaks first, as SMTP and MySQL do: one line with its name and node, then each line back. */
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { readWorkloadFlags, serve } from './workload-flags.ts'

const flags = readWorkloadFlags()

const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  // The client reset the connection; the server goes on for the others.
  socket.on('error', () => socket.destroy())
  socket.write(`hello from ${flags.name} on ${flags.node}\n`)
  const lines = createInterface({ input: socket })
  lines.on('line', (line) => socket.write(`${line}\n`))
  lines.on('close', () => socket.end())
  // Told once more here.
  lines.on('error', () => {})
})

serve(server, flags)
