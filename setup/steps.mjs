import { spawn } from 'node:child_process'
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const REPOSITORY = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..')
const LOG_FOLDER = join(REPOSITORY, '.cache/setup')
const TICK_MS = 5_000

/** What is missing and how to get it; the set-up ends with it. */
export class SetupError extends Error {}

export function say(text) {
  process.stderr.write(`setup: ${text}\n`)
}

/**
 * Runs one step of the set-up: says what it does and how long it takes, keeps its output in a log file.
 *
 * @param {string} what for people, e.g. "installing packages"
 * @param {readonly string[]} command
 * @param {NodeJS.ProcessEnv} [environment]
 * @throws {SetupError} with the end of the output when it fails
 */
export async function runStep(what, command, environment = process.env) {
  mkdirSync(LOG_FOLDER, { recursive: true })
  const logFile = join(LOG_FOLDER, `${what.replaceAll(/[^a-z0-9]+/gi, '-')}.log`)
  const log = createWriteStream(logFile)
  const started = Date.now()
  const seconds = () => `${Math.round((Date.now() - started) / 1_000)} s`
  say(`${what} …`)
  const tick = setInterval(() => say(`${what} … ${seconds()}`), TICK_MS)
  const code = await new Promise((resolve) => {
    const [file, ...args] = command
    const child = spawn(file, args, { cwd: REPOSITORY, env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.pipe(log, { end: false })
    child.stderr.pipe(log, { end: false })
    child.on('error', (error) => resolve(error.message))
    child.on('close', resolve)
  })
  clearInterval(tick)
  await new Promise((resolve) => log.end(resolve))
  if (code !== 0) {
    const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-25).join('\n')
    throw new SetupError(`${what} failed (${code}). The end of ${logFile}:\n${tail}`)
  }
  say(`${what}: done in ${seconds()}`)
}
