// What is said of phonebooks.
import type { Book, Phonebooks } from './phonebooks.svelte'

/** Where what is in it comes from, in a word. */
export const SOURCES: Record<Book['source'], string> = { manual: 'Manual', crm: 'CRM', cnam: 'CNAM' }
const FROM: Record<Book['source'], string> = {
  manual: 'Typed by hand',
  crm: 'Synced from the CRM',
  cnam: 'Caller name records',
}

const digits = new Intl.NumberFormat()

export const many = (n: number): string => digits.format(n)

/** What is looked at. */
export function title({ isEverywhere, book }: Phonebooks): string {
  return isEverywhere ? 'Everywhere' : (book?.name ?? 'Recent')
}

/** What that is, and how much of it. */
export function subtitle({ isEverywhere, isSearch, book, rows, settled, hasMore }: Phonebooks): string {
  const found = !settled ? 'Looking…' : hasMore ? `${many(rows.length)} found, and more` : `${many(rows.length)} found`
  if (isEverywhere) return `Phonebooks, calls and conversations · ${found}`
  if (!book) return 'Your newest calls and conversations'
  return `${FROM[book.source]} · ${isSearch ? found : book.contacts === 1 ? '1 contact' : `${many(book.contacts)} contacts`}`
}

/** Said where there are no rows. */
export function nothing({ isSearch, isEverywhere, book, refusal, settled }: Phonebooks): string {
  if (refusal) return refusal
  if (!settled) return ''
  if (isSearch) return `Nobody by that name or number${isEverywhere || !book ? '' : ` in ${book.name}`}.`
  return book ? `Nobody in ${book.name} yet.` : 'Nobody yet: whom you call or text shows here.'
}

