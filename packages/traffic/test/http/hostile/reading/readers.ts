import { lenientReading } from './lenient-reader.ts'
import { llhttpReader } from './llhttp-reader.ts'
import type { Reader, Reading, SeenRequest } from './reading.ts'
import { strictReading } from './strict-reader.ts'

/** Endpoints as there are in the world. What a proxy sends must be the same to all of them. */
export const READERS: Readonly<Record<string, Reader>> = {
  strict: strictReading,
  llhttp: llhttpReader({ isLenient: false }),
  'lenient llhttp': llhttpReader({ isLenient: true }),
  'by length': lenientReading({
    lineEnd: 'crlf',
    framedBy: 'length',
    counts: 'first',
    folded: 'continues',
    names: 'trimmed',
  }),
  'by coding': lenientReading({
    lineEnd: 'crlf',
    framedBy: 'coding',
    counts: 'last',
    folded: 'continues',
    names: 'variables',
  }),
  'by lines of LF': lenientReading({
    lineEnd: 'lf',
    framedBy: 'coding',
    counts: 'first',
    folded: 'is a field',
    names: 'trimmed',
  }),
  'by lines of CR or LF': lenientReading({
    lineEnd: 'any',
    framedBy: 'length',
    counts: 'last',
    folded: 'is a field',
    names: 'variables',
  }),
}

export async function readings(pieces: readonly Buffer[]): Promise<Readonly<Record<string, Reading>>> {
  const all = Object.entries(READERS).map(async ([name, read]) => [name, await read(pieces)] as const)
  return Object.fromEntries(await Promise.all(all))
}

/**
 * Whether all saw the same requests, each as complete as the others did. Who refuses something closes the connection, which
 * does no harm as long as what came before was the same.
 */
export function doAgree(all: Readonly<Record<string, Reading>>): boolean {
  const [first, ...others] = Object.values(all).filter(({ end }) => end !== 'refused')
  const refusals = Object.values(all).filter(({ end }) => end === 'refused')
  return (
    others.every((other) => JSON.stringify(other) === JSON.stringify(first)) &&
    refusals.every(({ requests }) => isBeginning(requests, first?.requests ?? []))
  )
}

/** The last request of one who refuses may be the one that is not to its liking. */
function isBeginning(part: readonly SeenRequest[], whole: readonly SeenRequest[]): boolean {
  return part.every(({ line, isComplete }, index) => {
    const other = whole[index]
    return (
      line === other?.line && (isComplete === other.isComplete || (!isComplete && index === part.length - 1))
    )
  })
}
