/**
 * Unary gRPC calls on one connection, so many at once, of a `grpc-server.ts`. Ends after so many calls or, where their number is not
 * given, at SIGTERM; then it writes `ended N` every so often. At its end it writes one line of JSON: a `GrpcCallsReport`.
 *
 *     many-grpc-calls.ts HOST PORT AT_ONCE [COUNT]
 */
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { SCENARIO } from '../protocols/grpc-service.ts'
import type { GrpcCallsReport } from './grpc-calls.ts'

const PROGRESS_EVERY = 20
const DEADLINE_MS = 20_000

const [host = '', port = '', atOnce = '', count = ''] = process.argv.slice(2)
const channel = new Client(`${host}:${port}`, credentials.createInsecure(), {
  // What fails is to be seen, and not tried again by the client.
  'grpc.enable_retries': 0,
})
const { path, requestSerialize, responseDeserialize } = SCENARIO.name

const answers: Record<string, number> = {}
const failed: Record<string, number> = {}
let begun = 0
let ended = 0
let isOver = false
process.once('SIGTERM', () => {
  isOver = true
})

function call(): Promise<void> {
  const options = { deadline: Date.now() + DEADLINE_MS }
  return new Promise((resolve) => {
    const answered = (error: ServiceError | null, answer?: Buffer): void => {
      if (answer === undefined) {
        const kind = error === null ? 'nothing' : `${status[error.code]}: ${error.details}`
        failed[kind] = (failed[kind] ?? 0) + 1
      } else {
        const pod = answer.toString()
        answers[pod] = (answers[pod] ?? 0) + 1
      }
      resolve()
    }
    channel.makeUnaryRequest(path, requestSerialize, responseDeserialize, Buffer.alloc(0), options, answered)
  })
}

async function caller(): Promise<void> {
  while (!isOver && (count === '' || begun < Number(count))) {
    begun += 1
    await call()
    ended += 1
    if (count === '' && ended % PROGRESS_EVERY === 0) process.stdout.write(`ended ${ended}\n`)
  }
}

await Promise.all(Array.from({ length: Number(atOnce) }, caller))
const report: GrpcCallsReport = { answers, failed }
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))
