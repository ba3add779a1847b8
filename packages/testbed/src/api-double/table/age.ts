const UNITS = [
  { letter: 'd', seconds: 86_400, from: 2 * 86_400 },
  { letter: 'h', seconds: 3_600, from: 3 * 3_600 },
  { letter: 'm', seconds: 60, from: 120 },
] as const

/** As kubectl's own `HumanDuration`, without its second unit. */
export function ageOf(timestamp: string | undefined, now = Date.now()): string {
  if (timestamp === undefined) return '<unknown>'
  const seconds = Math.max(0, Math.floor((now - Date.parse(timestamp)) / 1_000))
  const unit = UNITS.find(({ from }) => seconds >= from)
  return unit === undefined ? `${seconds}s` : `${Math.floor(seconds / unit.seconds)}${unit.letter}`
}
