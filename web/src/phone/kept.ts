// What this tab remembers: each tab may be another customer.

export interface Sent {
  /** The simulator takes a text once by this name. */
  id: string
  to: string
  text: string
  /** A data: URL; empty if there is none. */
  picture: string
  at: string
  /** How many texts this phone had received: its place among them, whatever the clocks say. */
  after: number
  state: 'sending' | 'sent' | 'failed'
  reason: string
}

const NUMBER = 'partyline.phone.number'
const sentBy = (number: string): string => `partyline.phone.sent.${number}`

export const keptNumber = (): string => sessionStorage.getItem(NUMBER) ?? '+14045550199'

export function keepNumber(number: string): void {
  sessionStorage.setItem(NUMBER, number)
}

export function keptSent(number: string): Sent[] {
  const kept = JSON.parse(sessionStorage.getItem(sentBy(number)) ?? '[]') as Sent[]
  // Whether these arrived is not known any more; sent again, they are the same texts.
  return kept.map((sent) => (sent.state === 'sending' ? { ...sent, state: 'failed', reason: 'The page was left meanwhile.' } : sent))
}

/** Without the pictures, if there is no room for them. */
export function keepSent(number: string, sent: readonly Sent[]): void {
  for (const kept of [sent, sent.map((one) => ({ ...one, picture: '' })), []]) {
    try {
      sessionStorage.setItem(sentBy(number), JSON.stringify(kept))
      return
    } catch {
      // It is full.
    }
  }
}
