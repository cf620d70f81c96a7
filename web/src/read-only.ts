// What is said where a queue's conversation can be read and not written, and what can be done about it.
import type { Desk } from './desk.svelte'
import type { Thread } from './thread.svelte'

export interface ReadOnly {
  what: string
  /** When it came to that. */
  at?: string
  action?: 'Claim' | 'Text back'
}

export function readOnly({ row }: Thread, desk: Desk): ReadOnly {
  const { queue } = row
  if (!queue) return { what: '' }
  if (queue.state === 'closed') {
    const what = queue.missed ? 'Nobody was available: closed unanswered' : `Closed by ${queue.closed_by?.name ?? 'somebody'}`
    const mayText = row.our_number && row.number?.startsWith('+') && desk.mayTextFrom(row.our_number)
    return { what, at: row.last_activity_at, ...(mayText ? { action: 'Text back' } : {}) }
  }
  if (queue.state === 'claimed') return { what: `Only ${queue.claimed_by?.name ?? 'its agent'} writes to the customer` }
  const mine = desk.queues.get(queue.id)
  if (mine?.available) return { what: 'Waiting for an agent', action: 'Claim' }
  if (!mine) return { what: `Waiting in ${queue.name}` }
  return { what: mine.logged_in ? `You are paused in ${queue.name}` : `You are logged out of ${queue.name}` }
}
