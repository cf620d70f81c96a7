// Which conversations the list shows. What is held is filtered at once; the engine is asked for what is further down.
import { http } from './api/http'
import { fold } from './directory'
import type { Store } from './store.svelte'
import type { Thread } from './thread.svelte'
import { digitsOf, isNumeric } from './who'

export type Shown = 'all' | 'unread' | 'needs_reply'

/** A pause in typing after which the engine is asked. */
const PAUSE = 150

/** What is said where nothing is found. */
const NOTHING: Record<Shown, string> = {
  all: 'No conversations yet.',
  unread: 'All read. Nice.',
  needs_reply: 'Nobody waits for a reply. Nice.',
}
const AMONG: Record<Shown, string> = { all: '', unread: ' is unread', needs_reply: ' waits for a reply' }

export class Filter {
  q = $state('')
  shown = $state<Shown>('all')
  /** Whether the engine is still to answer. */
  asking = $state(false)
  /** The conversation that was opened out of what is shown: it stays while it is open. */
  #kept = $state<string | null>(null)
  #next: string | null = null
  #timer = 0
  #turn = 0

  constructor(private readonly store: Store) {}

  active = $derived.by(() => this.shown !== 'all' || this.q.trim() !== '')

  /** Said where there are no rows. */
  nothing = $derived.by(() => {
    if (this.asking) return 'Looking…'
    return this.q.trim() === '' ? NOTHING[this.shown] : `Nothing by that name or number${AMONG[this.shown]}.`
  })

  rows = $derived.by(() => {
    const { list } = this.store
    if (!this.active) return list
    const q = fold(this.q.trim())
    return list.filter((thread) => this.#isShown(thread) && (q === '' || matches(thread, q)))
  })

  #isShown(thread: Thread): boolean {
    return this.#belongs(thread) || (thread.id === this.#kept && thread.id === this.store.openId)
  }

  #belongs({ unread, row }: Thread): boolean {
    return { all: true, unread: unread > 0, needs_reply: Boolean(row.needs_reply_since) }[this.shown]
  }

  /** To be called when a conversation was opened. */
  opened(): void {
    const { open } = this.store
    if (this.shown !== 'all' && open && this.#belongs(open)) this.#kept = open.id
  }

  /** Asks for what isn't held. To be called when what is asked for, or the connection, has changed. */
  ask(): void {
    clearTimeout(this.#timer)
    this.#turn++
    this.#next = null
    this.asking = this.active
    if (this.active) this.#timer = window.setTimeout(() => void this.#page(this.#turn), PAUSE)
  }

  /** The list was scrolled near its end. */
  async more(): Promise<void> {
    if (this.active && this.#next !== null && !this.asking) await this.#page(this.#turn)
  }

  async #page(turn: number): Promise<void> {
    this.asking = true
    const q = this.q.trim()
    const query = {
      ...(q === '' ? {} : { q }),
      ...(this.shown === 'all' ? {} : { filter: this.shown }),
      ...(this.#next === null ? {} : { after: this.#next }),
    }
    const { data } = await http.GET('/v1/conversations', { params: { query } })
    if (turn !== this.#turn) return
    this.asking = false
    this.#next = data?.next ?? null
    data?.items.forEach((row) => this.store.threads.hold(row))
  }
}

/** As the engine finds them: a group by its name, a chat by the other's name or number, a thread by its number. */
function matches(thread: Thread, q: string): boolean {
  if (fold(thread.name).includes(q)) return true
  if (thread.row.number) return isNumeric(q) && thread.row.number.includes(digitsOf(q))
  return !thread.isGroup && thread.others.some((p) => p.extension.includes(q))
}
