import { fstatSync } from 'node:fs'
import { MemoryLogger } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { type DatagramCalls, loadDatagramCalls } from './libc.ts'
import { udpEngineOf } from './udp-engine.ts'

const calls = await loadDatagramCalls()

/** The engine where the machine has these calls. */
async function engineWith(broken: Partial<DatagramCalls>, udpEngine: 'auto' | 'batch' | 'dgram' = 'auto') {
  const logger = new MemoryLogger()
  const load = () => Promise.resolve({ ...calls, ...broken })
  const { name } = await udpEngineOf({ udpEngine }, { logger, load })
  return { name, lines: logger.lines }
}

const BROKEN: [string, Partial<DatagramCalls>][] = [
  ['recvmmsg is refused, as by a seccomp profile', { recvmmsg: () => -1 }],
  ['recvmmsg reads what was not sent', { recvmmsg: () => 2 }],
  ['sendmmsg is refused', { sendmmsg: () => -1 }],
  ['no pair of sockets can be had', { socketpair: () => -1 }],
  ['nothing is polled', { poll: () => ({ close: () => undefined }) }],
]

describe('the engine for UDP', () => {
  it('is that of batches where they work, which needs no line', async () => {
    expect(await engineWith({})).toEqual({ name: 'batch', lines: [] })
  })

  it("is Node's own where that is wanted, and koffi is not asked for", async () => {
    const load = () => Promise.reject(new Error('asked for'))
    expect((await udpEngineOf({ udpEngine: 'dgram' }, { logger: new MemoryLogger(), load })).name).toBe(
      'dgram',
    )
  })

  it.each(BROKEN)("is Node's own where %s, and one line says why", async (_what, broken) => {
    const { name, lines } = await engineWith(broken)

    expect(name).toBe('dgram')
    expect(lines).toMatchObject([{ level: 'info', fields: { error: expect.any(Error) } }])
  })

  it("is Node's own where there is no koffi for the platform", async () => {
    const logger = new MemoryLogger()
    const load = () => Promise.reject(new Error('no binary'))

    expect((await udpEngineOf({ udpEngine: 'auto' }, { logger, load })).name).toBe('dgram')
    expect(logger.lines).toMatchObject([{ fields: { error: { message: 'no binary' } } }])
  })

  it('is an error where batches are forced and do not work', async () => {
    await expect(engineWith({ recvmmsg: () => -1 }, 'batch')).rejects.toMatchObject({
      code: 'ERR_DNS_UDP_ENGINE',
      cause: { message: expect.stringContaining('recvmmsg') },
    })
  })

  it('keeps nothing open of its trial', async () => {
    const pairs: number[] = []
    await engineWith({
      socketpair: (...parameters) => {
        const result = calls.socketpair(...parameters)
        pairs.push(parameters[3].readInt32LE(0), parameters[3].readInt32LE(4))
        return result
      },
      recvmmsg: () => -1,
    })

    expect(pairs).toHaveLength(2)
    for (const descriptor of pairs) expect(() => fstatSync(descriptor)).toThrow('EBADF')
  })
})
