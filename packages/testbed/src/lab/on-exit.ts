import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Runs `action` when this process ends, whether by itself, by an uncaught error, or by SIGINT, SIGTERM or SIGHUP,
 * unless the returned hook is disposed before. The action must be synchronous: nothing else runs any more. Nothing can
 * be run on SIGKILL.
 *
 * The process's own lists of listeners are the only state: each hook adds to them what it takes away again.
 */
export function onExit(action: () => void): Disposable {
  // Many at a time are no leak.
  process.setMaxListeners(process.getMaxListeners() + 1)
  process.on('exit', action)
  for (const signal of SIGNALS) process.on(signal, exitOnSignal)
  return {
    [Symbol.dispose]: () => {
      if (!process.listeners('exit').includes(action)) return
      process.setMaxListeners(process.getMaxListeners() - 1)
      process.off('exit', action)
      for (const signal of SIGNALS) process.off(signal, exitOnSignal)
    },
  }
}

/** A program that listens for the signal itself decides when it ends; otherwise it ends now, as it would without us. */
function exitOnSignal(signal: NodeJS.Signals): void {
  const others = process.listeners(signal).filter((listener) => listener !== exitOnSignal)
  if (others.length === 0) process.exit(128 + constants.signals[signal])
}
