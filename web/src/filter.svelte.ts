// Which conversations the list shows. What is held is filtered at once; the engine is asked for what is further down.
import { http, type Conversation } from './api/http'
import { fold } from './directory'
import type { Store } from './store.svelte'
import type { Thread } from './thread.svelte'
import { digitsOf, isNumeric } from './who'

export type Shown = 'all' | 'unread' | 'needs_reply' | 'closed' | 'missed' | 'everyone'

/** So many of each queue are shown to a supervisor. */
const MOST = 200

interface Page {
  items: Conversation[]
  next?: string | null
}

/** A pause in typing after which the engine is asked. */
const PAUSE = 150

/** What is said where nothing is found. */
const NOTHING: Record<Shown, string> = {
  all: 'No conversations yet.',
  unread: 'All read. Nice.',
  needs_reply: 'Nobody waits for a reply. Nice.',
  closed: 'Nothing closed yet.',
  missed: 'Nobody was missed. Nice.',
  everyone: 'Nobody is in a queue.',
}
const AMONG: Record<Shown, string> = {
  all: '',
  unread: ' is unread',
  needs_reply: ' waits for a reply',
  closed: ' is closed',
  missed: ' was missed',
  everyone: ' is in a queue',
}
/** These the engine alone knows: they are not on my list. */
const ASKED = new Set<Shown>(['closed', 'missed', 'everyone'])

export class Filter {
  q = $state('')
  shown = $state<Shown>('all')
  /** Whether the engine is still to answer. */
  asking = $state(false)
  /** The conversation that was opened out of what is shown: it stays while it is open. */
  #kept = $state<string | null>(null)
  /** What the engine has answered where only it knows, in its order; and to which question. */
  #found = $state.raw<readonly string[]>([])
  #foundFor = ''
  #next: string | null = null
  #timer = 0
  #turn = 0

  constructor(private readonly store: Store) {}

  /** Whether it shows what is not on my list. */
  isAsked = $derived.by(() => ASKED.has(this.shown))
  active = $derived.by(() => this.shown !== 'all' || this.q.trim() !== '')

  /** Said where there are no rows. */
  nothing = $derived.by(() => {
    if (this.asking) return 'Looking…'
    return this.q.trim() === '' ? NOTHING[this.shown] : `Nothing by that name or number${AMONG[this.shown]}.`
  })

  rows = $derived.by(() => {
    const { list, threads } = this.store
    if (!this.active) return list
    if (this.isAsked) return this.#found.flatMap((id) => threads.get(id) ?? [])
    const q = fold(this.q.trim())
    return list.filter((thread) => this.#isShown(thread) && (q === '' || matches(thread, q)))
  })

  #isShown(thread: Thread): boolean {
    return this.#belongs(thread) || (thread.id === this.#kept && thread.id === this.store.openId)
  }

  #belongs({ unread, row }: Thread): boolean {
    return this.shown === 'unread' ? unread > 0 : this.shown === 'needs_reply' ? Boolean(row.needs_reply_since) : true
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
    // The same question again is asked quietly: its answer stays until there is another.
    const question = `${this.shown} ${this.q}`
    const isAnother = this.#foundFor !== question
    if (isAnother) this.#found = []
    this.#foundFor = question
    this.asking = this.active && (isAnother || !this.isAsked)
    if (this.active) this.#timer = window.setTimeout(() => void this.#page(this.#turn), PAUSE)
  }

  /** The list was scrolled near its end. */
  async more(): Promise<void> {
    if (this.active && this.#next !== null && !this.asking) await this.#page(this.#turn)
  }

  async #page(turn: number): Promise<void> {
    const isFirst = this.#next === null
    if (!isFirst) this.asking = true
    const page = this.shown === 'everyone' ? await this.#everyone() : await this.#mine()
    if (turn !== this.#turn) return
    this.asking = false
    this.#next = page?.next ?? null
    page?.items.forEach((row) => this.store.threads.hold(row))
    if (page && this.isAsked) this.#found = [...(isFirst ? [] : this.#found), ...page.items.map(({ id }) => id)]
  }

  async #mine(): Promise<Page | undefined> {
    const q = this.q.trim()
    const query = {
      ...(q === '' ? {} : { q }),
      ...(this.shown === 'all' || this.shown === 'everyone' ? {} : { filter: this.shown }),
      ...(this.#next === null ? {} : { after: this.#next }),
    }
    return (await http.GET('/v1/conversations', { params: { query } })).data
  }

  /** What is open in any queue, as a supervisor finds it: the newest of each. */
  async #everyone(): Promise<Page | undefined> {
    const { data: queues } = await http.GET('/v1/queues', { params: { query: { all: true } } })
    const lists = (queues?.items ?? []).flatMap(({ id }) =>
      (['waiting', 'claimed'] as const).map(async (state): Promise<Conversation[]> => {
        const params = { path: { id }, query: { state, limit: MOST } }
        return (await http.GET('/v1/queues/{id}/conversations', { params })).data?.items ?? []
      }),
    )
    const q = fold(this.q.trim())
    const items = (await Promise.all(lists)).flat().filter((row) => q === '' || fold(`${row.name} ${row.number}`).includes(q))
    return queues && { items: items.sort((a, b) => b.last_activity_at.localeCompare(a.last_activity_at)), next: null }
  }
}

/** As the engine finds them: a group by its name, a chat by the other's name or number, a thread by its number. */
function matches(thread: Thread, q: string): boolean {
  if (fold(thread.name).includes(q)) return true
  if (thread.row.number) return isNumeric(q) && thread.row.number.includes(digitsOf(q))
  return !thread.isGroup && thread.others.some((p) => p.extension.includes(q))
}
