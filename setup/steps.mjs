import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endOf, StoppedError } from './child.mjs'

export const REPOSITORY = fileURLToPath(new URL('..', import.meta.url))
const LOG_FOLDER = join(REPOSITORY, '.cache/setup')
const TICK_MS = 5_000
const TAIL_LINES = 25

/** What is missing and how to get it; the set-up ends with it. */
export class SetupError extends Error {}

/** A step failed; its message has the end of the output. */
export class StepError extends SetupError {}

export function say(text) {
  process.stderr.write(`setup: ${text}\n`)
}

/** sbin is not on everybody's PATH, yet that is where most system tools are. */
export function searchPath() {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const system = ['/usr/local/sbin', '/usr/sbin', '/sbin'].filter((folder) => !folders.includes(folder))
  return [...folders, ...system]
}

/**
 * Runs one step of the set-up: says what it does and how long it takes, keeps its output in a log file.
 *
 * @param {string} what for people, e.g. "installing packages"
 * @param {readonly string[]} command
 * @param {{ environment?: Record<string, string>, folder?: string, lock?: number }} [options] variables besides ours, where
 *   it runs unless in the repository, and the lock that it holds even when it outlives this process
 * @throws {StepError} when it fails
 * @throws {StoppedError} when this process was told to end, after the step has ended
 */
export async function runStep(what, command, options = {}) {
  mkdirSync(LOG_FOLDER, { recursive: true })
  const logFile = join(LOG_FOLDER, `${what.replaceAll(/[^a-z0-9]+/gi, '-')}.log`)
  const started = Date.now()
  const seconds = () => `${Math.round((Date.now() - started) / 1_000)} s`
  say(`${what} …`)
  const tick = setInterval(() => say(`${what} … ${seconds()}`), TICK_MS)
  const log = openSync(logFile, 'w')
  try {
    const code = await runToEnd(command, log, options)
    if (code === 0) return say(`${what}: done in ${seconds()}`)
    const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n')
    throw new StepError(`${what} failed (${code}). The end of ${logFile}:\n${tail}`)
  } finally {
    closeSync(log)
    clearInterval(tick)
  }
}

async function runToEnd([file, ...args], log, { environment = {}, folder = REPOSITORY, lock }) {
  const start = () =>
    spawn(file, args, {
      cwd: folder,
      env: { ...process.env, PATH: searchPath().join(delimiter), ...environment },
      stdio: ['ignore', log, log, ...(lock === undefined ? [] : [lock])],
      // A group of its own: npx and apt-get start others, which are to get signals, too.
      detached: true,
    })
  // Always this signal: a shell's background jobs ignore SIGINT.
  const end = endOf(start, ({ pid }) => process.kill(-pid, 'SIGTERM'))
  const { code, signal } = await end.catch(({ message }) => {
    throw new StepError(`${file} can't be run: ${message}`)
  })
  if (signal !== undefined) throw new StoppedError(signal)
  return code
}
