/**
 * A program for the tests of the process: says `up`, and stops when it is told to, unless its argument says otherwise.
 */
import { once } from 'node:events'
import { type ProcessHost, runProcess } from '../src/index.ts'
import { createLogger } from '../src/log.ts'

const BEHAVIOURS: Readonly<Record<string, (host: ProcessHost) => Promise<void>>> = {
  async stop({ shutdown }) {
    await untilStop(shutdown)
  },
  async crash({ shutdown }) {
    setImmediate(() => void Promise.reject(new Error('broken on purpose')))
    await untilStop(shutdown)
  },
  async hang({ shutdown }) {
    await untilStop(shutdown)
    await once(new EventTarget(), 'never')
  },
  /** Its stop takes until the next SIGTERM. */
  async fail({ fail, print, shutdown }) {
    fail()
    print(`stops: ${shutdown.aborted}`)
    await once(process, 'SIGTERM')
  },
  /** Waits for something in its start, as for a server that is away. */
  async wait({ shutdown }) {
    await once(new EventTarget(), 'never', { signal: shutdown })
  },
  async log() {
    const logger = createLogger({ level: 'info' })
    for (let line = 0; line < 3; line++) logger.info('a line')
  },
}

await runProcess(async (host) => {
  // Keeps the process alive, as sockets do in a real one.
  setInterval(() => {}, 1_000)
  const [behaviour = 'stop'] = host.args
  if (behaviour !== 'log') host.print('up')
  await BEHAVIOURS[behaviour]?.(host)
  return 0
})

async function untilStop(shutdown: AbortSignal): Promise<void> {
  if (!shutdown.aborted) await once(shutdown, 'abort')
}
