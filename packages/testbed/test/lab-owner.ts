/**
 * Owns a lab until it is killed, for the tests of what is left then. Writes one line, `{id, pids}`, once the lab is up.
 *
 * Argument `keep`: keeps the lab and ends. Argument `graceful`: has its own way to stop on SIGINT, with exit code 7.
 */
import { Lab } from '../src/index.ts'

const mode = process.argv[2]
const lab = await Lab.create({ cloud: [{ name: 'cloud', pods: [{ name: 'pod' }] }] })
const stubborn = lab.pod('pod').spawn(['sh', '-c', 'trap "" TERM INT; echo up; while :; do sleep 1; done'])
await stubborn.waitForOutput(/up/)
const plain = lab.node('cloud').spawn(['sleep', '1000'])

if (mode === 'keep') lab.keep()
if (mode === 'graceful') {
  process.on('SIGINT', () => {
    void lab[Symbol.asyncDispose]().then(() => process.exit(7))
  })
}
process.stdout.write(`${JSON.stringify({ id: lab.id, pids: [stubborn.pid, plain.pid] })}\n`)
