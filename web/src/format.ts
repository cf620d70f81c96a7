// Times and names as people say them, and what is in a text: links, emoji.
import type { Attachment, Message } from './api/http'

const time = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' })
const shortWeekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' })
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const fullDate = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' })
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' })

export const clock = (at: string): string => time.format(new Date(at))

/** Day and time, in full. */
export const exactly = (at: string): string => moment.format(new Date(at))

function daysAgo(at: Date): number {
  const midnight = (d: Date): number => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime()
  return Math.round((midnight(new Date()) - midnight(at)) / 86_400_000)
}

/** In a list: the time today, the weekday this week, else the date. */
export function short(at: string): string {
  const when = new Date(at)
  const ago = daysAgo(when)
  return ago === 0 ? time.format(when) : ago < 7 ? shortWeekday.format(when) : date.format(when)
}

/** Between the days of a timeline. */
export function day(at: string): string {
  const when = new Date(at)
  const ago = daysAgo(when)
  return ago === 0 ? 'Today' : ago === 1 ? 'Yesterday' : ago < 7 ? weekday.format(when) : fullDate.format(when)
}

/** When it was, of some time ago. */
export const when = (at: string): string => `${day(at)}, ${clock(at)}`

/** Names in a sentence: all of a few, else the first two and how many more. */
export function people(names: readonly string[]): string {
  if (names.length < 2) return names.join('')
  if (names.length > 3) return `${names[0]}, ${names[1]} and ${names.length - 2} others`
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

/** Up to two letters that stand for somebody. */
export function initials(name: string): string {
  const words = name.split(/[\s\-_.]+/).filter((word) => /\p{L}|\p{N}/u.test(word))
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words
  return ends.map((word) => word?.match(/\p{L}|\p{N}/u)?.[0] ?? '').join('').toUpperCase()
}

/** So many of something: "1 text", "3 texts". */
export const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

const BYTES = ['bytes', 'KB', 'MB', 'GB']

/** How large a file is. */
export function size(bytes: number): string {
  const unit = Math.min(BYTES.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  const shown = bytes / 1000 ** unit
  return `${unit > 0 && shown < 10 ? shown.toFixed(1) : Math.round(shown)} ${BYTES[unit]}`
}

export const isPicture = (file: Attachment): boolean => file.content_type.startsWith('image/')

/** A message in a line: a text, or what came without one. */
export function summary({ text, attachments }: Message): string {
  if (text.trim() !== '' || attachments.length === 0) return text
  const what = attachments.every(isPicture) ? 'picture' : 'file'
  return attachments.length === 1 ? (what === 'picture' ? 'Picture' : 'File') : count(attachments.length, what)
}

const EMOJI =
  /^(?:(?:\p{RI}{2}|[#*\d]\uFE0F?\u20E3|(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F|\p{Extended_Pictographic}(?=\p{EMod}|\u200D))\p{EMod}?(?:\u200D\p{Extended_Pictographic}\uFE0F?\p{EMod}?)*[\u{E0020}-\u{E007F}]*)\s*){1,6}$/u

/** Whether a text is a few emoji and nothing else. */
export const isEmoji = (text: string): boolean => text.length < 80 && EMOJI.test(text.trim())

export interface Piece {
  text: string
  href?: string
}

/** A text in pieces, some of them links. Text is never HTML. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = []
  let at = 0
  for (const match of text.matchAll(/https?:\/\/[^\s<>"]+/gi)) {
    const link = trimmed(match[0])
    if (match.index > at) found.push({ text: text.slice(at, match.index) })
    found.push({ text: link, href: link })
    at = match.index + link.length
  }
  if (at < text.length) found.push({ text: text.slice(at) })
  return found
}

/** A link without the punctuation of the sentence around it; a bracket that it opens itself is its own. */
function trimmed(link: string): string {
  for (;;) {
    const last = link.at(-1) ?? ''
    const closesOne = last === ')' && link.split('(').length >= link.split(')').length
    if (!/[.,;:!?\]'’)]/.test(last) || closesOne) return link
    link = link.slice(0, -1)
  }
}
