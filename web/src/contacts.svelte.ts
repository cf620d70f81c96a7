// Finding somebody outside: in my phonebooks, recent calls and conversations, as one types.
import { http, reason, type Problem } from './api/http'
import type { components } from './api/schema'
import { plain } from './marks'
import { isTyped, mayBeWhole } from './phone-number'
import { digitsOf, isNumeric } from './who'

/** A number that may be meant; nobody may know a name for it. */
export type Contact = components['schemas']['FoundContact']
export type Source = components['schemas']['ContactSource']

interface Answer {
  data?: { items: Contact[] } | undefined
  error?: Problem | undefined
}

/** A pause in typing after which the engine is asked. */
const PAUSE = 80
/** So many are offered; who is looked for further down is found by typing more. */
const OFFERED = 40
/** With fewer digits nobody means a number of its own. */
const DIGITS = 5

/** The best matches for what is typed; without it, the newest numbers of my calls and conversations. */
export async function contacts(q: string, limit: number, signal?: AbortSignal): Promise<Answer> {
  const query = { limit, ...(q === '' ? {} : { q }) }
  return http.GET('/v1/contacts', { params: { query }, ...(signal ? { signal } : {}) })
}

/** Whether this may be who is looked for: what was found for other letters is shown until these are answered. */
export function fits(name: string | null, numbers: readonly string[], q: string): boolean {
  if (isNumeric(q)) return numbers.some((number) => number.includes(digitsOf(q))) || plain(name ?? '').includes(plain(q.trim()))
  const all = [plain(name ?? ''), ...numbers].join(' ')
  return plain(q).split(/[^\p{L}\p{N}]+/u).every((word) => all.includes(word))
}

export class ContactSearch {
  /** What is looked for. */
  q = $state('')
  refusal = $state('')
  #answer = $state.raw<readonly Contact[]>([])
  #answered = $state<string | null>(null)
  /** Whether what is found was found for what is typed. */
  settled = $derived(this.#answered === this.q.trim())
  found = $derived(this.settled ? this.#answer : this.#answer.filter((one) => fits(one.name ?? null, [one.number], this.q)))

  /** Asks for what is typed; whoever calls the answer hears no more of it. */
  look(): () => void {
    const asked = this.q.trim()
    const gone = new AbortController()
    const timer = setTimeout(() => void this.#ask(asked, gone.signal), asked === '' ? 0 : PAUSE)
    return () => {
      clearTimeout(timer)
      gone.abort()
    }
  }

  /** Nothing is looked for any more. */
  clear(): void {
    this.q = ''
    this.refusal = ''
    this.#answer = []
    this.#answered = null
  }

  async #ask(asked: string, gone: AbortSignal): Promise<void> {
    // An answer that is given up, or breaks off, is no answer.
    const { data, error } = await contacts(asked, OFFERED, gone).catch((): Answer => ({}))
    if (gone.aborted) return
    // Who was found before is still of use where nobody answers.
    this.refusal = data ? '' : reason(error)
    if (data) this.#answer = data.items
    else this.#answer = this.#answer.filter((one) => fits(one.name ?? null, [one.number], asked))
    this.#answered = asked
  }
}

/** One of what is offered: somebody who was found, or the number that is typed. */
export interface Offer {
  key: string
  number: string
  /** Who it is; the number as it was typed, if nobody. */
  contact?: Contact
}

/** Who may be texted among those found, with what is typed as itself: first where it may be a whole number. */
export function offers(found: readonly Contact[], q: string, region: string, without: ReadonlySet<string>): Offer[] {
  const typed = q.trim()
  const isWhole = mayBeWhole(typed, region)
  const known = found.filter(({ number }) => number.startsWith('+') && !without.has(number))
  const all = known.map((contact): Offer => ({ key: contact.number, number: contact.number, contact }))
  if (isWhole) {
    const same = all.find(({ number }) => isTyped(number, typed))
    return [same ?? itself(typed), ...all.filter((one) => one !== same)]
  }
  const isOne = isNumeric(typed) && digitsOf(typed).length >= DIGITS
  return isOne ? [...all, itself(typed)] : all
}

const itself = (typed: string): Offer => ({ key: `to ${typed}`, number: typed })
