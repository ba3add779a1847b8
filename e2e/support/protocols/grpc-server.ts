/**
 * The gRPC service `SCENARIO`. At SIGTERM it tells its clients (GOAWAY), and ends after the calls under way.
 *
 *     grpc-server.ts PORT NAME
 */
import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { announce } from '../announce.ts'
import { SCENARIO, type ServerStatus } from './grpc-service.ts'

const [port = '', serverName = ''] = process.argv.slice(2)
const seen = { talked: 0, hung: 0, withDeadline: 0, ended: 0 } satisfies ServerStatus

const name: handleUnaryCall<Buffer, Buffer> = (_, answer) => answer(null, Buffer.from(serverName))

const echo: handleUnaryCall<Buffer, Buffer> = (call, answer) => answer(null, call.request)

const status: handleUnaryCall<Buffer, Buffer> = (_, answer) => answer(null, Buffer.from(JSON.stringify(seen)))

function count(call: ServerWritableStream<Buffer, Buffer>): void {
  const total = Number(call.request.toString())
  for (let number = 0; number < total; number++) call.write(Buffer.from(String(number)))
  call.end()
}

function collect(call: ServerReadableStream<Buffer, Buffer>, answer: sendUnaryData<Buffer>): void {
  const total = { messages: 0, bytes: 0 }
  call.on('data', (message: Buffer) => {
    total.messages += 1
    total.bytes += message.length
  })
  call.on('end', () => answer(null, Buffer.from(JSON.stringify(total))))
}

function talk(call: ServerDuplexStream<Buffer, Buffer>): void {
  call.on('data', (message: Buffer) => {
    seen.talked += 1
    if (call.write(message)) return
    call.pause()
    call.once('drain', () => call.resume())
  })
  call.on('end', () => call.end())
  // The client went away; the server goes on for the others.
  call.on('error', () => call.destroy())
}

function hang(call: ServerWritableStream<Buffer, Buffer>): void {
  seen.hung += 1
  if (Number.isFinite(Number(call.getDeadline()))) seen.withDeadline += 1
  call.on('cancelled', () => {
    seen.ended += 1
  })
  call.write(Buffer.alloc(0))
}

const server = new Server()
server.addService(SCENARIO, { name, echo, count, collect, talk, hang, status })
server.bindAsync(`0.0.0.0:${port}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error
  announce(Number(port))
})
process.once('SIGTERM', () => {
  server.tryShutdown(() => process.exit(0))
})
