/** Writes to the store without a pause, and says which batch is written, until it is killed. */
import { openDatabase, writeBatch } from '../../src/store/database.ts'
import { batch } from './batch.ts'

const [, , file = '', first = '0'] = process.argv
const database = openDatabase(file)
for (let index = Number(first); ; index++) {
  writeBatch(database, batch(index))
  process.stdout.write(`${index}\n`)
}
