// Who is in a conversation, or wrote in it: a colleague, known by an extension, or a number outside.
import type { Member, Outsider, Participant, Who } from './api/http'

export const isMember = (one: Participant): one is Member => 'extension' in one
export const isOutsider = (one: Participant): one is Outsider => !isMember(one)

/** A colleague's extension. */
export function extensionOf(who: Who | null | undefined): string | undefined {
  return who && 'extension' in who ? who.extension : undefined
}

/** What tells one from all others. */
export const keyOf = (who: Who | Participant): string => ('extension' in who ? who.extension : who.number)

export const digitsOf = (text: string): string => text.replace(/\D/g, '')

/** Whether a text that looks for somebody is (a part of) a number. */
export const isNumeric = (text: string): boolean => /\d/.test(text) && !/\p{L}/u.test(text)
