/**
 * `added-latency-client.ts PROTOCOL DIRECT_IP WAY_IP PORT`: asks the same server, of `echo` or `http`, directly and by a way, on
 * one connection each and in turn, and writes a line of JSON, see `AddedLatency`.
 */
import type { Socket } from 'node:net'
import { askerOf } from './asker.ts'
import { openEcho, quantile } from './echo-connection.ts'

/** One way is asked that often before it is the other's turn. */
const BLOCK = 100
const BLOCKS = 20
/** The first ones of each: code is compiled, the way is set up. */
const WARM_UP = 200

const [protocol = '', directIp = '', wayIp = '', port = ''] = process.argv.slice(2)
const ask = askerOf(protocol)
const direct = openEcho(directIp, Number(port))
const way = openEcho(wayIp, Number(port))

async function answers(socket: Socket, count: number): Promise<readonly number[]> {
  const times: number[] = []
  for (let index = 0; index < count; index++) times.push(await ask(socket))
  return times
}

await answers(direct, WARM_UP)
await answers(way, WARM_UP)
const directTimes: number[] = []
const wayTimes: number[] = []
for (let block = 0; block < BLOCKS; block++) {
  directTimes.push(...(await answers(direct, BLOCK)))
  wayTimes.push(...(await answers(way, BLOCK)))
}
direct.destroy()
way.destroy()

const added = (share: number): number => quantile(wayTimes, share) - quantile(directTimes, share)
process.stdout.write(`${JSON.stringify({ p50: added(0.5), p99: added(0.99) })}\n`)
