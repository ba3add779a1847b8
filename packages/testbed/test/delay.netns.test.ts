import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDelay } from '../src/delay/start-delay.ts'
import { Lab } from '../src/lab/lab.ts'

const ROUND_TRIP_MS = 30
/** As many as fit into a socket's receive buffer at once. */
const DATAGRAMS = 200

/** Sends `process.argv[2]` numbered datagrams at once and writes those that come back, and how long the first took. */
const NUMBERED = `
const [address, count] = process.argv.slice(1)
const socket = require('node:dgram').createSocket('udp4')
const numbers = []
let sentAt, roundTripMs
socket.on('message', (message) => {
  roundTripMs ??= performance.now() - sentAt
  numbers.push(Number(message))
  if (numbers.length < Number(count)) return
  console.log(JSON.stringify({ roundTripMs, numbers }))
  process.exit(0)
})
socket.connect(7, address, () => {
  sentAt = performance.now()
  for (let number = 0; number < Number(count); number++) socket.send(String(number))
})
`
const ECHO = `
const socket = require('node:dgram').createSocket('udp4')
socket.on('message', (message, { port, address }) => socket.send(message, port, address))
socket.bind(7, () => process.stdout.write('ready'))
`

describe('a delay at a router', () => {
  let lab: Lab

  beforeAll(async () => {
    lab = await Lab.create({
      cloud: [{ name: 'cloud' }],
      sites: [
        { name: 'far', nat: 'none', subnet: '192.168.2.0/24', nodes: [{ name: 'node' }] },
        { name: 'hidden', nat: 'symmetric', subnet: '192.168.3.0/24', nodes: [{ name: 'asker' }] },
      ],
    })
    for (const name of ['node', 'cloud'])
      await lab.node(name).spawn([process.execPath, '-e', ECHO]).waitForOutput(/ready/)
  })
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]()
  })

  async function ask(
    count: number,
    { from, to } = { from: 'cloud', to: 'node' },
  ): Promise<{ roundTripMs: number; numbers: number[] }> {
    const { address } = lab.node(to)
    const command = [process.execPath, '-e', NUMBERED, address, String(count)]
    const { stdout, stderr } = await lab.node(from).exec(command)
    expect(stdout, stderr).toMatch(/^\{/)
    return JSON.parse(stdout)
  }

  it('makes round trips at least as long as it is told, until it is over', async () => {
    {
      await using _delay = await startDelay(lab.router('far'), ROUND_TRIP_MS)
      expect((await ask(1)).roundTripMs).toBeGreaterThanOrEqual(ROUND_TRIP_MS)
    }
    expect((await ask(1)).numbers).toEqual([0])
  })

  it('holds for what goes through a NAT, too', async () => {
    const outwards = { from: 'asker', to: 'cloud' }
    {
      await using _delay = await startDelay(lab.router('hidden'), ROUND_TRIP_MS)
      expect((await ask(1, outwards)).roundTripMs).toBeGreaterThanOrEqual(ROUND_TRIP_MS)
    }
    expect((await ask(1, outwards)).numbers).toEqual([0])
  })

  it('keeps the order, and loses nothing', async () => {
    await using _delay = await startDelay(lab.router('far'), ROUND_TRIP_MS)
    const { numbers } = await ask(DATAGRAMS)
    expect(numbers).toEqual(Array.from({ length: DATAGRAMS }, (_, index) => index))
  })
})
