/** A program for the tests of the process: says `up`, and stops when it is told to; `crash` fails at once. */
import { runProcess } from '../src/index.ts'

await runProcess(async (host) => {
  if (host.args.includes('crash')) setImmediate(() => void Promise.reject(new Error('broken on purpose')))
  host.print('up')
  await new Promise<void>((resolve) => {
    const waiting = setInterval(() => {}, 1_000)
    host.shutdown.addEventListener('abort', () => {
      clearInterval(waiting)
      if (!host.args.includes('hang')) resolve()
      else setInterval(() => {}, 1_000)
    })
  })
  return 0
})
