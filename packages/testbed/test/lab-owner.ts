/**
 * Owns a lab until it is killed, for the tests of what is left then. Writes one line, `{id, pids}`, once the lab is up.
 *
 * Argument `keep`: keeps the lab and ends. Argument `graceful`: has its own way to stop on SIGINT, with exit code 7.
 * Argument `building`: writes its line when a large lab is on record, before any of it is made.
 */
import { Lab, listLabs, type Topology } from '../src/index.ts'

const SMALL: Topology = { cloud: [{ name: 'cloud', pods: [{ name: 'pod' }] }] }
/** Takes long enough to build to be stopped in the middle. */
const LARGE: Topology = { cloud: Array.from({ length: 40 }, (_, index) => ({ name: `node-${index}` })) }

const mode = process.argv[2]
if (mode === 'building') await stayBuilding()
else await stayUp()

async function stayBuilding(): Promise<void> {
  const building = Lab.create(LARGE)
  const own = listLabs().find(({ ownerPid }) => ownerPid === process.pid)
  process.stdout.write(`${JSON.stringify({ id: own?.id, pids: [] })}\n`)
  await building
  setInterval(() => {}, 1_000)
}

async function stayUp(): Promise<void> {
  const lab = await Lab.create(SMALL)
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
}
