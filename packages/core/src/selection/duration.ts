const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** The longest that fits into a timer, 2^31 - 1 ms. */
const MAX_MS = 2_147_483_647

/** Whole milliseconds of e.g. `250ms`, `10s`, `1.5s`, `2m` or `1h`; `undefined` for other text, for 0 and for what no timer takes. */
export function durationMs(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^(\d{1,10}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text.trim()) ?? []
  const ms = Math.round(Number(digits) * (UNITS[unit] ?? 0))
  return ms >= 1 && ms <= MAX_MS ? ms : undefined
}
