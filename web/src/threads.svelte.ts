// The conversations that are held here: those of the list as far as it was read, and what was heard or asked for since.
import { SvelteMap } from 'svelte/reactivity'
import { http, type Conversation, type Me } from './api/http'
import type { Names } from './names.svelte'
import { isMine, Thread } from './thread.svelte'

const PAGE = 200

interface Asked {
  filter: 'unread'
  limit: number
  after?: string
}
interface Page {
  items: Conversation[]
  next?: string | null
}

export class Threads {
  #held = new SvelteMap<string, Thread>()
  /** What was open when everything was forgotten: it stays on the screen until its row is here again, or is not. */
  #kept = $state.raw<Thread | null>(null)
  #next: string | null = null // where the list goes on that isn't read yet
  #hasUnread = false // all that is unread is held
  #asked = new Map<string, Promise<boolean | undefined>>() // by conversation: its row is asked for
  #again = new Set<string>() // and must be asked for once more
  #unanswered = new Set<string>() // there was no answer
  #gone = new Map<string, number>() // by conversation: the version at which it ended for me

  constructor(
    private readonly me: Me,
    private readonly names: Names,
    /** A conversation's name or members are others than was heard. */
    private readonly changed: (id: string) => void,
  ) {}

  /** Those that I am in, newest activity first; what I only read of a queue is held beside them. */
  list = $derived.by(() =>
    [...this.#held.values()]
      .filter((thread) => thread.isMine)
      .sort((a, b) => below(a.row.last_activity_at, b.row.last_activity_at) || below(a.id, b.id)),
  )

  /** All that is held, as it comes. */
  get all(): Iterable<Thread> {
    return this.#held.values()
  }

  get(id: string): Thread | undefined {
    return this.#held.get(id)
  }

  /** What is on the screen: its row may still be under way. */
  shown(id: string): Thread | undefined {
    return this.#held.get(id) ?? (this.#kept?.id === id ? this.#kept : undefined)
  }

  /** A row as it is for me; of what is held, only what is newer stays. */
  hold(row: Conversation): void {
    // What is not mine any more may still be mine to read.
    if (isMine(row, this.me) && row.version <= (this.#gone.get(row.id) ?? -1)) return
    if (row.number && row.name) this.names.numbers.heard(row.number, row.name)
    const held = this.#held.get(row.id)
    if (held) {
      if (held.hold(row)) this.changed(row.id)
      return
    }
    const kept = this.#kept
    if (kept?.id !== row.id) return void this.#held.set(row.id, new Thread(row, this.me, this.names))
    kept.row = row
    this.#held.set(row.id, kept)
    this.#kept = null
  }

  /** It is over for me. */
  end(id: string, version: number): void {
    this.#gone.set(id, version)
    this.#held.delete(id)
  }

  /** It was only read here, and isn't any more: in a busy queue there are many. */
  drop(id: string): void {
    if (!this.#held.get(id)?.isMine) this.#held.delete(id)
  }

  /** Everything anew: what is held may be of another time. What is open stays on the screen. */
  forget(open: Thread | undefined): void {
    open?.forget()
    this.#kept = open ?? null
    this.#held.clear()
    this.#gone.clear()
    this.#unanswered.clear()
    this.#hasUnread = false
  }

  /** The list's beginning. */
  begin(rows: readonly Conversation[], next: string | null): void {
    for (const row of rows) this.hold(row)
    this.#next = next
  }

  /** The list's next page. */
  async more(): Promise<void> {
    if (this.#next === null) return
    const { data } = await http.GET('/v1/conversations', { params: { query: { after: this.#next, limit: PAGE } } })
    if (data) this.begin(data.items, data.next ?? null)
  }

  /** What is unread counts, however far down the list it is. */
  async unreadBelow(): Promise<void> {
    if (this.#next === null || this.#hasUnread) return
    let after: string | null = null
    do {
      const query: Asked = { filter: 'unread', limit: PAGE, ...(after === null ? {} : { after }) }
      const { data }: { data?: Page | undefined } = await http.GET('/v1/conversations', { params: { query } })
      if (!data) return
      for (const row of data.items) this.hold(row)
      after = data.next ?? null
    } while (after !== null)
    this.#hasUnread = true
  }

  /**
   * The row of a conversation that is further down than the list goes, or has changed unseen. However many ask, one
   * request is under way; who asks meanwhile has it made once more, for the answer may be older than their reason.
   * Answers whether it was there; undefined without an answer.
   */
  fetch(id: string): Promise<boolean | undefined> {
    const asked = this.#asked.get(id)
    if (asked) this.#again.add(id)
    const answer = asked ?? this.#ask(id)
    this.#asked.set(id, answer)
    return answer
  }

  /** Back on the line: what had no answer is asked for again. */
  online(): void {
    const ids = [...this.#unanswered]
    this.#unanswered.clear()
    for (const id of ids) void this.fetch(id)
  }

  async #ask(id: string): Promise<boolean | undefined> {
    let status: boolean | undefined
    do {
      this.#again.delete(id)
      const { data, response } = await http.GET('/v1/conversations/{id}', { params: { path: { id } } })
      if (data) this.hold(data)
      status = data ? true : response.status === 404 ? false : undefined
    } while (this.#again.has(id))
    this.#asked.delete(id)
    if (status === undefined) this.#unanswered.add(id)
    return status
  }
}

/** The greater first: times of one form sort as they are. */
function below(a: string, b: string): number {
  return a < b ? 1 : a > b ? -1 : 0
}
