// What somebody typed, as programs write numbers: by what is provisioned the engine knows them so alone.
import { mayBeWhole, NORTH_AMERICA } from '../phone-number'
import { digitsOf } from '../who'

/** What can't be read without knowing its country stays as it is: then the engine says so. */
export function e164(typed: string, region: string): string {
  const text = typed.trim()
  const digits = digitsOf(text)
  if (text.startsWith('+')) return `+${digits}`
  if (!NORTH_AMERICA.has(region) || !mayBeWhole(text, region)) return text
  if (digits.startsWith('011')) return `+${digits.slice(3)}`
  return digits.length === 10 ? `+1${digits}` : `+${digits}`
}
