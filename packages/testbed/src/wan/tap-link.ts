import { constants } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { LabError } from '../lab/errors.ts'
import type { LabProcess } from '../lab/lab-process.ts'
import { mustRun } from '../lab/run-command.ts'
import { devicesOf, tapLines } from './plumbing.ts'
import { runBatch } from './run-batch.ts'
import type { WanLink, WanPlace } from './wan-link.ts'
import type { Impairments } from './wan-spec.ts'

const PROGRAM = fileURLToPath(new URL('./emulator.ts', import.meta.url))

/** @throws {LabError} when the kernel refuses, as when the link is emulated already */
export async function startTapLink(
  { uplink, namespace }: WanPlace,
  impairments: Impairments,
): Promise<WanLink> {
  const { host, segment } = devicesOf(uplink)
  const control = `${namespace.logFolder}/${host}.${process.hrtime.bigint()}.control`
  await mkdir(namespace.logFolder, { recursive: true })
  await mustRun(['mkfifo', control])
  const command = [process.execPath, PROGRAM, host, segment, control, JSON.stringify(impairments)]
  const emulator = namespace.spawn(command)
  try {
    await untilApplied(emulator, 0)
    await runBatch('ip', uplink, tapLines(uplink))
  } catch (error) {
    await emulator[Symbol.asyncDispose]()
    throw error
  }
  let number = 0
  return {
    inner: [],
    set: async (changed) => {
      number += 1
      const current = number
      await writeLine(control, { number: current, impairments: changed })
      await untilApplied(emulator, current)
    },
    [Symbol.asyncDispose]: () => emulator[Symbol.asyncDispose](),
  }
}

async function untilApplied(emulator: LabProcess, number: number): Promise<void> {
  await emulator.waitForOutput(new RegExp(`"applied":${number}}`))
}

/** @throws {LabError} when nobody reads the FIFO any more: it does not block then */
async function writeLine(fifo: string, line: object): Promise<void> {
  try {
    await using file = await open(fifo, constants.O_WRONLY | constants.O_NONBLOCK)
    await file.write(`${JSON.stringify(line)}\n`)
  } catch (error) {
    throw new LabError('the emulator of the link has ended', { cause: error })
  }
}
