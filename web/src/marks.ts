// Where in a name or number what was looked for stands, to be shown.
import { digitsOf, isNumeric } from './who'

export interface Part {
  text: string
  isFound: boolean
}

/** Letters that Unicode does not take apart. */
const LETTERS: Record<string, string> = { ß: 'ss', æ: 'ae', œ: 'oe', þ: 'th', ø: 'o', ł: 'l', đ: 'd', ð: 'd', ı: 'i' }

/** A name as the engine looks for it: without accents, case, and what stands within words. */
export function plain(text: string): string {
  const letters = text.normalize('NFKD').replace(/\p{M}|['’ʼ`.]/gu, '').toLowerCase()
  return letters.replace(/\p{M}/gu, '').replace(/[ßæœþøłđðı]/g, (letter) => LETTERS[letter] ?? letter)
}

/** A text in parts: all of what was looked for where it stands together, else each of its words. */
export function marks(text: string, q: string): Part[] {
  const whole = place(text, q)
  const found = whole ? [whole] : q.trim().split(/\s+/).map((word) => place(text, word)).filter((one) => one !== null)
  const parts: Part[] = []
  let at = 0
  for (const [from, to] of found.sort((a, b) => a[0] - b[0])) {
    if (from < at) continue
    if (from > at) parts.push({ text: text.slice(at, from), isFound: false })
    parts.push({ text: text.slice(from, to), isFound: true })
    at = to
  }
  if (at < text.length) parts.push({ text: text.slice(at), isFound: false })
  return parts
}

/** From where to where; of digits, whatever stands between them. */
function place(text: string, q: string): [number, number] | null {
  const isDigits = isNumeric(q)
  const asked = isDigits ? digitsOf(q) : plain(q.trim())
  if (asked === '') return null
  // Each folded letter with the place of the one it comes from: folding may make several of one, or none.
  let folded = ''
  const from: number[] = []
  const to: number[] = []
  let at = 0
  for (const letter of text) {
    const end = at + letter.length
    const kept = isDigits ? digitsOf(letter) : plain(letter)
    // A combining mark belongs to the letter before it.
    if (kept === '' && !isDigits && to.length > 0) to[to.length - 1] = end
    for (let i = 0; i < kept.length; i++) {
      from.push(at)
      to.push(end)
    }
    folded += kept
    at = end
  }
  const start = folded.indexOf(asked)
  return start < 0 ? null : [from[start]!, to[start + asked.length - 1]!]
}
