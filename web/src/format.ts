// Times as people say them, and links in text.

const time = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' })
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const fullDate = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' })

export const clock = (at: string): string => time.format(new Date(at))

function daysAgo(at: Date): number {
  const midnight = (d: Date): number => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime()
  return Math.round((midnight(new Date()) - midnight(at)) / 86_400_000)
}

/** In a list: the time today, the weekday this week, else the date. */
export function short(at: string): string {
  const when = new Date(at)
  const ago = daysAgo(when)
  return ago === 0 ? time.format(when) : ago < 7 ? weekday.format(when).slice(0, 3) : date.format(when)
}

/** Between the days of a timeline. */
export function day(at: string): string {
  const when = new Date(at)
  const ago = daysAgo(when)
  return ago === 0 ? 'Today' : ago === 1 ? 'Yesterday' : ago < 7 ? weekday.format(when) : fullDate.format(when)
}

export interface Piece {
  text: string
  href?: string
}

/** A text in pieces, some of them links. Text is never HTML. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = []
  let at = 0
  for (const match of text.matchAll(/https?:\/\/[^\s<>"]+/gi)) {
    const link = match[0].replace(/[.,;:!?)\]'’]+$/, '')
    if (match.index > at) found.push({ text: text.slice(at, match.index) })
    found.push({ text: link, href: link })
    at = match.index + link.length
  }
  if (at < text.length) found.push({ text: text.slice(at) })
  return found
}
