// How far a text to somebody outside has come, in words.
import type { Delivery } from './api/http'

type Status = Delivery['status']

const WORDS: Record<Status, string> = {
  queued: 'Queued',
  sending: 'Sending…',
  unconfirmed: 'Unconfirmed',
  sent: 'Sent',
  delivered: 'Delivered',
  failed: 'Failed',
  undelivered: 'Undelivered',
}

/** What may be done about it is to send it once more. */
export const mayRetry = ({ status }: Delivery): boolean => hasFailed(status) || status === 'unconfirmed'

const hasFailed = (status: Status): boolean => status === 'failed' || status === 'undelivered'

export interface Standing {
  word: string
  /** Why, and what to do. */
  detail: string
  kind: 'waits' | 'done' | 'doubt' | 'failed'
}

export function standing({ status, attempt, error }: Delivery): Standing {
  const word = WORDS[status]
  if (status === 'unconfirmed') {
    return { word, kind: 'doubt', detail: 'Nobody knows whether it arrived. Retry may send it twice.' }
  }
  if (hasFailed(status)) return { word, kind: 'failed', detail: error ? `${error.message} ${error.remedy}`.trim() : '' }
  if (status === 'queued') return { word, kind: 'waits', detail: attempt > 1 ? 'It is tried again.' : '' }
  return { word, kind: status === 'sending' ? 'waits' : 'done', detail: '' }
}

/** Of several, in a line: "Delivered to 2 of 3 · 1 failed". */
export function all(deliveries: readonly Delivery[]): Standing {
  const count = (which: (status: Status) => boolean): number => deliveries.filter((d) => which(d.status)).length
  const failed = count(hasFailed)
  const doubt = count((status) => status === 'unconfirmed')
  const parts = [`Delivered to ${count((status) => status === 'delivered')} of ${deliveries.length}`]
  if (failed > 0) parts.push(`${failed} failed`)
  if (doubt > 0) parts.push(`${doubt} unconfirmed`)
  const waits = count((status) => status === 'queued' || status === 'sending') > 0
  return { word: parts.join(' · '), detail: '', kind: failed > 0 ? 'failed' : doubt > 0 ? 'doubt' : waits ? 'waits' : 'done' }
}
