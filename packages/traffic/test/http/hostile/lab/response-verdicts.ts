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
  const summaries = ways.map((way) => summary(outcomes, way))
  return `${[['response', ...ways].join('\t'), ...lines, '', ...summaries].join('\n')}\n`
}

/** What became of all responses by one way. */
function summary(outcomes: readonly ResponseOutcome[], way: Way): string {
  const all = outcomes.filter((outcome) => outcome.way === way)
  const count = (is: (outcome: ResponseOutcome) => boolean): number => all.filter(is).length
  const faulty = count(({ fault }) => fault !== '')
  const fine = all.filter(({ fault }) => fault === '')
  const errors = fine.filter(({ status }) => status >= 500 && status <= 504).length
  const cut = fine.filter(({ isComplete }) => !isComplete).length
  const hung = count(({ end }) => end === 'hung')
  const poisoned = count(({ nextGot }) => nextGot !== '')
  return `${way}: of ${all.length} an error ${errors}, cut ${cut}, whole ${fine.length - errors - cut}, ambiguous or malformed ${faulty}; hung ${hung}, others poisoned ${poisoned}`
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
