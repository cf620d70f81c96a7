// Seconds, as people set and read them.

export const UNITS = { s: 1, min: 60, h: 3600 } as const
export type Unit = keyof typeof UNITS
const WORDS: Record<Unit, string> = { s: 'second', min: 'minute', h: 'hour' }

/** The largest unit in which it is a whole number. */
export function unitOf(seconds: number): Unit {
  const fits = (unit: Unit): boolean => seconds >= UNITS[unit] && seconds % UNITS[unit] === 0
  return fits('h') ? 'h' : fits('min') ? 'min' : 's'
}

/** "5 minutes", "1 hour". */
export function inWords(seconds: number): string {
  const unit = unitOf(seconds)
  const amount = seconds / UNITS[unit]
  return `${amount} ${WORDS[unit]}${amount === 1 ? '' : 's'}`
}
