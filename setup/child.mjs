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
 * Starts a child and waits for its end. Signals that this process gets meanwhile are handed on, so that nothing outlives it:
 * also one that comes while the child is being started, which would else end this process alone.
 *
 * @param {() => import('node:child_process').ChildProcess} start
 * @param {(child: import('node:child_process').ChildProcess, signal: NodeJS.Signals) => void} [handOn]
 * @returns {Promise<{ code: number, signal?: NodeJS.Signals }>} its exit code as a shell has it, and the signal that this process got
 * @throws {Error} when it can't be started
 */
export async function endOf(start, handOn = (child, signal) => child.kill(signal)) {
  let received
  let child
  const onSignal = (signal) => {
    received = signal
    handOn(child, signal)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  try {
    child = start()
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
