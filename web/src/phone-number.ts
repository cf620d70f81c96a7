// Phone numbers as people write and read them. Whether one is possible, the engine says.
import { digitsOf, isNumeric } from './who'

/** Regions that share the country code 1: a whole number has ten digits there. */
export const NORTH_AMERICA = new Set(
  'US CA AG AI AS BB BM BS DM DO GD GU JM KN KY LC MP MS PR SX TC TT VC VG VI'.split(' '),
)
/** Of two digits; 1 and 7 have one, all others three. */
const TWO = /^(2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/

/** A number in E.164 as one reads it; what isn't one stays as it is. */
export function formatted(number: string): string {
  if (!/^\+\d{8,15}$/.test(number)) return number
  const digits = number.slice(1)
  if (/^1\d{10}$/.test(digits)) return `+1 ${digits.slice(1, 4)}-${digits.slice(4, 7)}-${digits.slice(7)}`
  const code = /^[17]/.test(digits) ? 1 : TWO.test(digits) ? 2 : 3
  return `+${digits.slice(0, code)} ${grouped(digits.slice(code)).join(' ')}`
}

/** In threes; no digit stands alone. */
function grouped(digits: string): string[] {
  if (digits.length <= 4) return [digits]
  return [digits.slice(0, 3), ...grouped(digits.slice(3))]
}

/** Whether what is typed has as many digits as a whole number. */
export function mayBeWhole(typed: string, region: string): boolean {
  if (!isNumeric(typed)) return false
  const digits = digitsOf(typed)
  if (typed.trim().startsWith('+')) return digits.length >= 8
  if (NORTH_AMERICA.has(region)) return digits.length === 10 || /^1\d{10}$|^011\d{7}/.test(digits)
  return digits.length >= 7
}

/** Whether a number in E.164 is the one that is typed, which may lack the country's code. */
export function isTyped(number: string, typed: string): boolean {
  return number.endsWith(digitsOf(typed).replace(/^0+/, ''))
}
