/** `npm run lab -- list` and `npm run lab -- clean [ID...]`. */
import { parseArgs } from 'node:util'
import { cleanLabs, LabError, listLabs } from '../packages/testbed/src/index.ts'

const USAGE = `usage: npm run lab -- list          labs on this machine
       npm run lab -- clean         removes kept labs and what killed runs left
       npm run lab -- clean ID...   removes these, even while they are in use
`

try {
  process.exitCode = run()
} catch (error) {
  if (!(error instanceof LabError || error instanceof TypeError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}

function run(): number {
  const { positionals } = parseArgs({ allowPositionals: true })
  const [command, ...ids] = positionals
  if (command === 'list' && ids.length === 0) return list()
  if (command === 'clean') return clean(ids)
  process.stderr.write(USAGE)
  return 2
}

function list(): number {
  const labs = listLabs()
  for (const { id, state, createdAt, ownerPid, namespaces } of labs)
    process.stdout.write(
      `${id}  ${state}  since ${createdAt}  owner ${ownerPid}  ${namespaces.length} namespaces\n`,
    )
  if (labs.length === 0) process.stdout.write('no labs\n')
  return 0
}

function clean(ids: readonly string[]): number {
  const removed = cleanLabs(ids)
  process.stdout.write(removed.length === 0 ? 'nothing to clean\n' : `removed ${removed.join(', ')}\n`)
  return 0
}
