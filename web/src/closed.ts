// Where nothing can be written, and why: said before the engine has to refuse it.
import type { Office } from './office.svelte'
import type { Thread } from './thread.svelte'

export interface Closed {
  what: string
  /** What can be done about it. */
  remedy: string
}

export function closed(thread: Thread, office: Office): Closed | null {
  const { number, our_number, opted_out, queue } = thread.row
  if (!number || !our_number) return null
  if (!number.startsWith('+')) return { what: 'Short codes and names can’t be texted back.', remedy: '' }
  if (opted_out) {
    return { what: 'They asked for no more texts.', remedy: 'They can text START to take texts again.' }
  }
  // A queue's number is nobody's own.
  if (queue) return null
  if (office.senders.length === 0) return NO_SENDER
  if (office.sender(our_number)) return null
  return { what: 'You can’t text from this number any more:', remedy: 'ask the administrator.' }
}

export const NO_SENDER: Closed = {
  what: 'You have no phone number with SMS:',
  remedy: 'ask the administrator for one.',
}
