const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g
const WHOLE = /^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/
/** Of nothing that anybody means. */
const MAX_LENGTH = 40

/**
 * Milliseconds of a duration as Istio writes it: `30s`, `1m30s`, `1.5h`, `500ms`.
 *
 * @returns not rounded; `undefined` for a text that is none
 * @see https://pkg.go.dev/time#ParseDuration
 */
export function parseDurationMs(text: string): number | undefined {
  if (text === '0') return 0
  if (text.length > MAX_LENGTH || !WHOLE.test(text)) return undefined
  let sum = 0
  for (const [, number = '', unit = ''] of text.matchAll(PART)) sum += Number(number) * (UNIT_MS[unit] ?? 0)
  return sum
}
