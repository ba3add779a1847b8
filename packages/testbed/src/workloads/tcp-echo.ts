/** A TCP server that sends back every byte, and its own end of stream once the client's has come. */
import { createServer } from 'node:net'
import { readWorkloadFlags, serve } from './workload-flags.ts'

const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  // The client reset the connection; the server goes on for the others.
  socket.on('error', () => socket.destroy())
  socket.pipe(socket)
})

serve(server, readWorkloadFlags())
