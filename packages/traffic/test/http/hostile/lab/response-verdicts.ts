import type { HostileResponse } from '../responses/hostile-response.ts'
import type { ResponseOutcome } from './response-outcome.ts'
import type { Way } from './ways.ts'

/** What is wrong with an outcome of ours, in a sentence that names the response; '' where nothing is. */
export function responseComplaint(response: HostileResponse | undefined, outcome: ResponseOutcome): string {
  if (response === undefined) return `${outcome.name} is not in the corpus`
  const fault = faultOf(response, outcome)
  return fault === '' ? '' : `${response.name} (${response.flaw}): ${fault}`
}

function faultOf(response: HostileResponse, outcome: ResponseOutcome): string {
  const { end, fault, nextGot, status, isComplete } = outcome
  if (nextGot !== '') return `the next client got ${nextGot}`
  if (end === 'hung') return 'the client waits in vain'
  if (fault !== '') return fault
  const isError = status === 502 && isComplete
  const fate = isError ? 'refused' : isComplete ? 'passed' : 'cut'
  const isFine =
    response.fate === 'any' ? isComplete : fate === response.fate || isRefusedForCut(response.fate, fate)
  return isFine ? '' : `it was ${fate} with ${status}, and should be ${response.fate}`
}

/** Of what goes wrong in the body, the head need not have been passed on yet. */
function isRefusedForCut(wanted: HostileResponse['fate'], fate: HostileResponse['fate']): boolean {
  return wanted === 'cut' && fate === 'refused'
}

/** A line for each response, with tabs: what the client got by each way. */
export function responseTable(outcomes: readonly ResponseOutcome[], ways: readonly Way[]): string {
  const names = [...new Set(outcomes.map(({ name }) => name))]
  const lines = names.map((name) => {
    const own = outcomes.filter((outcome) => outcome.name === name)
    return [name, ...ways.map((way) => verdict(own.find((outcome) => outcome.way === way)))].join('\t')
  })
  return `${[['response', ...ways].join('\t'), ...lines].join('\n')}\n`
}

function verdict(outcome: ResponseOutcome | undefined): string {
  if (outcome === undefined) return '-'
  const { status, isComplete, fault, end, nextGot } = outcome
  const notes = [
    isComplete ? '' : 'cut',
    end === 'closed' ? '' : end,
    fault === '' ? '' : 'ambiguous or malformed',
    nextGot === '' ? '' : 'poisoned',
  ]
  return [status, ...notes].filter((note) => note !== '').join(' ')
}
