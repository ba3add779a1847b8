/** `npm test`: all tests that need nothing but a lab. `npm test -- relay` runs the files whose path contains "relay". */
import { runTests } from './run-tests.ts'

await runTests(['unit', 'netns', 'e2e'])
