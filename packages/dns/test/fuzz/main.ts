// Sends hostile messages through the codec border and tells what became of them: node --expose-gc main.ts [count] [seed]

import { CodecBorder } from './codec-border.ts'

const [count, seed] = [process.argv[2] ?? '10000000', process.argv[3] ?? '1'].map(Number)
const STEP = 100_000

function heapMegabytes(): number {
  globalThis.gc?.()
  return Math.round(process.memoryUsage().heapUsed / 1_048_576)
}

using border = new CodecBorder(seed ?? 1)
const total = count ?? 0
const startedAt = performance.now()
for (let done = 0; done < total; done += STEP) {
  const report = await border.run(Math.min(STEP, total - done))
  const sent = Math.min(done + STEP, total)
  const perSecond = Math.round(sent / ((performance.now() - startedAt) / 1_000))
  process.stdout.write(`${JSON.stringify({ sent, perSecond, heapMegabytes: heapMegabytes(), ...report })}\n`)
}
