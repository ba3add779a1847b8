import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { endOf, StoppedError } from './child.mjs'
import { REPOSITORY, SetupError, say } from './steps.mjs'

const LOCK = join(REPOSITORY, '.cache/setup.lock')
/** What flock(1) is told to end with when somebody else has the lock. */
const TAKEN = 99

/**
 * Two set-ups of one checkout never work at the same time. The lock belongs to the open file (flock(2)): the kernel
 * lets it go when the last process that has the file open ends, which is this one or a step that outlives it.
 *
 * @param {(lock: number) => Promise<void>} work gets the file, to be handed on to its steps
 */
export async function withLock(work) {
  mkdirSync(dirname(LOCK), { recursive: true })
  const lock = openSync(LOCK, 'a')
  try {
    if (!(await flock(lock, '--nonblock'))) {
      say('waiting for another set-up of this checkout')
      await flock(lock)
    }
    await work(lock)
  } finally {
    closeSync(lock)
  }
}

/** @returns {Promise<boolean>} whether the open file is locked now */
async function flock(file, ...options) {
  // The child's file 3 is our open file, so that the lock stays when the child ends.
  const start = () =>
    spawn('flock', [...options, '--conflict-exit-code', `${TAKEN}`, '3'], {
      stdio: ['ignore', 'ignore', 'inherit', file],
    })
  const { code, signal } = await endOf(start).catch(({ message }) => {
    throw new SetupError(`flock, of Debian's package util-linux, can't be run: ${message}`)
  })
  if (signal !== undefined) throw new StoppedError(signal)
  if (code !== 0 && code !== TAKEN) throw new SetupError(`${LOCK} can't be locked: flock ends with ${code}`)
  return code === 0
}
