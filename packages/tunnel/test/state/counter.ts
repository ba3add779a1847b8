/** Adds 1 to a shared file so many times, 0 is for ever, beside others who do the same; prints each value it wrote. */
import { StoredValueConflictError } from '../../src/errors.ts'
import { PrivateFile } from '../../src/state/private-file.ts'

const [, , path = '', times = ''] = process.argv
const file = new PrivateFile(path, { shared: true })
for (let time = 0; times === '0' || time < Number(times); time++) process.stdout.write(`${await add()}\n`)

async function add(): Promise<number> {
  for (;;) {
    const value = Number((await file.read()) ?? 0) + 1
    try {
      await file.write(String(value))
      return value
    } catch (error) {
      if (!(error instanceof StoredValueConflictError)) throw error
    }
  }
}
