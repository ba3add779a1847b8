/** `npm run test:container`: builds the images and runs them in a lab. */
import { runTests } from './run-tests.ts'

await runTests(['container'])
