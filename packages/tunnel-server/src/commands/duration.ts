const SECONDS: ReadonlyMap<string, number> = new Map([
  ['m', 60],
  ['h', 3_600],
  ['d', 86_400],
])
/** Ten years. */
const MAX_SECONDS = 3_650 * 86_400

/** For messages. */
export const DURATION_FORM = 'a whole number of minutes, hours or days, 3650d at most, e.g. 90m, 24h or 30d'

/** Seconds of a text like `90m`, `24h` or `30d`; `undefined` for any other, and for none or too many. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d{1,7})([mhd])$/.exec(text) ?? []
  const seconds = Number(number) * (SECONDS.get(unit) ?? Number.NaN)
  return seconds > 0 && seconds <= MAX_SECONDS ? seconds : undefined
}
