/**
 * `added-latency-client.ts DIRECT_IP WAY_IP PORT`: asks the same echo server directly and by a way, on one connection each
 * and in turn, and writes a line of JSON, see `AddedLatency`.
 */
import type { Socket } from 'node:net'
import { echo, openEcho, quantile } from './echo-connection.ts'

/** One way is asked that often before it is the other's turn. */
const BLOCK = 100
const BLOCKS = 20
/** The first ones of each: code is compiled, the way is set up. */
const WARM_UP = 200

const [directIp = '', wayIp = '', port = ''] = process.argv.slice(2)
const direct = openEcho(directIp, Number(port))
const way = openEcho(wayIp, Number(port))

async function echoes(socket: Socket, count: number): Promise<readonly number[]> {
  const times: number[] = []
  for (let index = 0; index < count; index++) times.push(await echo(socket))
  return times
}

await echoes(direct, WARM_UP)
await echoes(way, WARM_UP)
const directTimes: number[] = []
const wayTimes: number[] = []
for (let block = 0; block < BLOCKS; block++) {
  directTimes.push(...(await echoes(direct, BLOCK)))
  wayTimes.push(...(await echoes(way, BLOCK)))
}
direct.destroy()
way.destroy()

const added = (share: number): number => quantile(wayTimes, share) - quantile(directTimes, share)
process.stdout.write(`${JSON.stringify({ p50: added(0.5), p99: added(0.99) })}\n`)
