import { openSync } from 'node:fs'
import { runCommand } from '../src/command/run-command.ts'

/** Runs a command while this process has no file descriptor left, and writes the error that this gives. */
try {
  for (;;) openSync('/dev/null', 'r')
} catch {
  // Now they are used up.
}
await runCommand(['true']).catch((error: unknown) => process.stdout.write(`${error}\n`))
// A descriptor that is missing is reported twice where nobody listens: an uncaught exception would follow by now.
await new Promise(setImmediate)
