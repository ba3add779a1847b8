import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

/** In a process of its own, since it takes all file descriptors that there are. */
const WITHOUT_DESCRIPTORS = `
  import { openSync } from 'node:fs'
  import { exchangeUdp } from '${new URL('./exchange.ts', import.meta.url)}'

  const signal = new AbortController().signal
  const upstream = { ip: '127.0.0.1', port: 53, name: '127.0.0.1:53' }
  const ask = () => exchangeUdp({ upstream, message: Buffer.alloc(12), isReply: () => false, timeoutMs: 60_000, signal })
  try {
    for (;;) openSync('/dev/null')
  } catch {}
  const outcomes = new Set()
  for (let n = 0; n < 20; n++) outcomes.add(await ask())
  // Handles are closed at the end of a turn of the event loop, after its immediates.
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
  const left = process.getActiveResourcesInfo().filter((resource) => resource === 'UDPWrap').length
  console.log(JSON.stringify({ outcomes: [...outcomes], left }))
`

it('leaves no socket behind that could not even be bound', async () => {
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    'ulimit -n 64 && exec "$0" --input-type=module -e "$1"',
    process.execPath,
    WITHOUT_DESCRIPTORS,
  ])

  expect(JSON.parse(stdout)).toEqual({ outcomes: ['network'], left: 0 })
})
