/**
 * Connects over and over, in turn to a server that speaks first and to one that answers a line; writes the first line of
 * the former, and how long the first byte took from each, as medians in milliseconds.
 *
 *     first-byte-client.ts GREETER_HOST ECHO_HOST ROUNDS      both on port 80
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { conclude } from '../announce.ts'

const PORT = 80
const [greeter = '', echo = '', rounds = ''] = process.argv.slice(2)

async function firstByte(host: string, greeting: string): Promise<{ line: string; ms: number }> {
  const started = performance.now()
  const socket = connect({ host, port: PORT, noDelay: true })
  await once(socket, 'connect')
  if (greeting !== '') socket.write(greeting)
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  const ms = performance.now() - started
  socket.destroy()
  return { line: chunk.toString().split('\n')[0] ?? '', ms }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

const times: { readonly serverFirst: number[]; readonly clientFirst: number[] } = {
  serverFirst: [],
  clientFirst: [],
}
const banners = new Set<string>()
for (let round = 0; round < Number(rounds); round++) {
  const banner = await firstByte(greeter, '')
  banners.add(banner.line)
  times.serverFirst.push(banner.ms)
  times.clientFirst.push((await firstByte(echo, 'hello\n')).ms)
}
conclude({
  banners: [...banners],
  serverFirstMs: median(times.serverFirst),
  clientFirstMs: median(times.clientFirst),
})
