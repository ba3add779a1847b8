import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** The set-up was told to end, and what it had started has ended. */
export class StoppedError extends Error {
  /** @param {NodeJS.Signals} signal */
  constructor(signal) {
    super(`stopped by ${signal}`)
    this.exitCode = exitCodeOf(null, signal)
  }
}

/**
 * Waits for the end of a child. Signals that this process gets meanwhile are handed on, so that nothing outlives it.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @param {(signal: NodeJS.Signals) => void} [handOn]
 * @returns {Promise<{ code: number, signal?: NodeJS.Signals }>} its exit code as a shell has it, and the signal that this process got
 * @throws {Error} when it can't be started
 */
export async function endOf(child, handOn = (signal) => child.kill(signal)) {
  let received
  const onSignal = (signal) => {
    received = signal
    handOn(signal)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  try {
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (exitCode, signal) => resolve(exitCodeOf(exitCode, signal)))
    })
    return { code, signal: received }
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }
}

function exitCodeOf(code, signal) {
  return code ?? 128 + constants.signals[signal]
}
