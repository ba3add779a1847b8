import { setTimeout } from 'node:timers/promises'
import { runStep, StepError, say } from './steps.mjs'

/** Another apt, such as the machine's own nightly one, is waited for. */
const LOCK_SECONDS = 300
const LOCK_RETRY_MS = 5_000

const APT_GET = ['apt-get', '-o', `DPkg::Lock::Timeout=${LOCK_SECONDS}`, '-o', 'Acquire::Retries=3']
const ENVIRONMENT = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' }

/**
 * Runs apt-get. When that fails, a former installation may have been killed, or the lists of packages may be missing or
 * too old: both is mended, and it is tried once more.
 *
 * @param {string} what for people
 * @param {readonly string[]} args
 * @param {string} [folder] where it runs
 * @throws {StepError} when it fails again
 */
export async function aptGet(what, args, folder) {
  const run = () => runStep(what, [...APT_GET, ...args], { environment: ENVIRONMENT, folder })
  try {
    await run()
  } catch (error) {
    if (!(error instanceof StepError)) throw error
    // A killed installation, ours or not: apt refuses all others until it is brought to its end.
    if (error.message.includes('dpkg was interrupted'))
      await runStep('finishing an interrupted installation', ['dpkg', '--configure', '-a'], {
        environment: ENVIRONMENT,
      })
    await updateLists()
    await run()
  }
}

/** A list that can't be had need not be the one that matters: what is installed next shows it. */
async function updateLists() {
  const deadline = Date.now() + LOCK_SECONDS * 1_000
  for (;;) {
    try {
      // Otherwise lists that can't be had are but warnings.
      const update = [...APT_GET, '-o', 'APT::Update::Error-Mode=any', 'update']
      return await runStep('updating the lists of system packages', update, { environment: ENVIRONMENT })
    } catch (error) {
      if (!(error instanceof StepError)) throw error
      // The timeout above is for dpkg's lock only, not for that of the lists.
      if (!error.message.includes('Could not get lock') || Date.now() > deadline) return say(error.message)
      await setTimeout(LOCK_RETRY_MS)
    }
  }
}
