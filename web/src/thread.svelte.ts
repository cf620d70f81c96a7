// One conversation as it is held here: the engine's row, and its timeline as far as it was read. Answers and events may
// pass each other on the way: whatever comes, only what is newer changes anything.
import { SvelteMap } from 'svelte/reactivity'
import { http, type Conversation, type Me, type Message, type ParticipantsChanged, type ReadMarker } from './api/http'
import type { Names } from './names.svelte'
import { extensionOf, isMember, isOutsider, keyOf } from './who'

const PAGE = 50
const LARGE_PAGE = 200
/** A row's newest message comes as an event, too: only where it doesn't is it asked for. */
const EVENT_LATE = 1_500
/** How long somebody is shown as typing after the last word of it. */
const TYPING_ENDS = 6_000
/** So many participants a row shows. */
const SHOWN = 20

export class Thread {
  row = $state.raw() as Conversation
  /** By place, without gaps from `messages[0]` on. */
  messages = $state.raw<readonly Message[]>([])
  /** The number of ours that was chosen here for what goes out of a group; my default if none was. */
  sender = $state<string | undefined>()
  /** Whether the timeline reaches the newest message. */
  loaded = $state(false)
  /** Whether it reaches the first. */
  complete = $state(false)
  loading = false
  #typing = new SvelteMap<string, number>() // by number: what ends it
  #changed = 0 // the version of the last change of members
  #time = 0 // how often all was forgotten
  #news = new Map<number, Message>() // by place: what changed while a page was on its way, which may be of before

  constructor(
    row: Conversation,
    private readonly me: Me,
    private readonly names: Names,
  ) {
    this.row = row
  }

  get id(): string {
    return this.row.id
  }

  isGroup = $derived.by(() => this.row.kind === 'group')
  isSms = $derived.by(() => this.row.kind === 'sms')
  /** I am in it: it is on my list. A queue's conversation is its agent's, and nobody's when it waits or is closed. */
  isMine = $derived.by(() => isMine(this.row, this.me))
  /** What is written here also goes out by SMS. */
  goesOut = $derived.by(() => this.isSms || this.row.outsider_count > 0)
  members = $derived.by(() => this.row.participants.filter(isMember))
  others = $derived.by(() => this.members.filter((p) => p.extension !== this.me.extension))
  outsiders = $derived.by(() => this.row.participants.filter(isOutsider))
  name = $derived.by(() =>
    this.row.number ? this.names.numbers.of(this.row.number) : (this.row.name ?? this.others.map((p) => p.name).join(', ')),
  )
  myRead = $derived.by(() => this.row.my_read ?? { seq: 0, text_no: 0 })
  /** Who only reads has no marker. */
  unread = $derived.by(() => (this.isMine ? Math.max(0, this.row.text_count - this.myRead.text_no) : 0))
  /** Who types, by name. */
  typists = $derived.by(() => [...this.#typing.keys()].map((extension) => this.#shown(extension) ?? this.names.of(extension)))

  // Its timeline

  /** Reads the newest messages, or on from those that are here. */
  async load(): Promise<void> {
    if (this.loading) return
    if (!this.loaded) {
      const page = await this.#page({ limit: PAGE })
      if (!page) return
      this.messages = this.#current(page.items)
      this.complete = !page.next
      this.loaded = true
    }
    await this.#readOn()
  }

  /** Reads further back; answers whether there was anything. */
  async older(): Promise<boolean> {
    const first = this.messages[0]
    if (this.loading || this.complete || !this.loaded || !first) return false
    const page = await this.#page({ before_seq: first.seq, limit: PAGE })
    // What was missed at the other end had to wait.
    void this.#readOn()
    if (!page) return false
    this.messages = [...this.#current(page.items), ...this.messages]
    this.complete = !page.next
    return page.items.length > 0
  }

  /** What is held may be of another time. It is shown until it is read anew, and answers under way don't count. */
  forget(): void {
    this.#time++
    this.#changed = 0
    this.loaded = false
    this.complete = false
    this.loading = false
    this.nobodyTypes()
  }

  // What is heard of it

  /** The row as it is for me. Answers whether its name or members are others than was heard. */
  hold(row: Conversation): boolean {
    const held = this.row
    // Name and members go by revision, the newest message by its place.
    const isNewer = row.revision >= held.revision && row.version >= this.#changed
    const read = new Map(this.members.map((p) => [p.extension, p.read_seq]))
    for (const p of row.participants.filter(isMember)) {
      read.set(p.extension, Math.max(p.read_seq, read.get(p.extension) ?? 0))
    }
    const participants = (isNewer ? row : held).participants.map((p) =>
      isMember(p) ? { ...p, read_seq: read.get(p.extension)! } : p,
    )
    const my_read = row.my_read && row.my_read.seq > this.myRead.seq ? row.my_read : this.myRead
    this.row = {
      ...(isNewer ? row : held),
      ...newest(row.last_seq > held.last_seq || (row.last_seq === held.last_seq && row.last_message) ? row : held),
      name: (isNewer ? row.name : held.name) ?? held.name ?? null,
      version: Math.max(row.version, held.version),
      needs_reply_since: (row.version >= held.version ? row : held).needs_reply_since ?? null,
      // Its deadline changes without a revision.
      queue: (isNewer && (row.version >= held.version || row.revision > held.revision) ? row : held).queue ?? null,
      // Events don't tell it: it is as it was last asked for.
      opted_out: row.opted_out ?? held.opted_out ?? null,
      participants,
      my_read,
    }
    setTimeout(() => void this.#readOn(), EVENT_LATE)
    return isNewer && row.revision > held.revision
  }

  message(message: Message): void {
    const { row } = this
    const author = extensionOf(message.from)
    if (message.seq > row.last_seq || (message.seq === row.last_seq && !row.last_message)) {
      this.row = {
        ...row,
        last_seq: message.seq,
        text_count: message.text_no,
        last_message: message,
        last_activity_at: message.created_at,
        version: Math.max(row.version, message.version),
        // A colleague's text is the reply.
        needs_reply_since: this.isSms && author ? null : (row.needs_reply_since ?? null),
      }
    }
    if (author) {
      this.#stopsTyping(author)
      this.read([{ extension: author, seq: message.seq, text_no: message.text_no }])
    }
    if (!this.loaded) return
    const last = this.messages.at(-1)
    if (!last || message.seq === last.seq + 1) this.messages = [...this.messages, message]
    else void this.#readOn()
  }

  /** A message is not new, but has changed: a text has come further, a picture is here. */
  update(message: Message): void {
    const { row } = this
    const isNewer = (held: Message | null | undefined): boolean => held?.seq === message.seq && message.version > held.version
    if (isNewer(row.last_message)) this.row = { ...row, last_message: message }
    if (this.loading) this.#news.set(message.seq, message)
    const at = message.seq - (this.messages[0]?.seq ?? 0)
    if (isNewer(this.messages[at])) this.messages = this.messages.with(at, message)
  }

  /** Who has read how far. */
  read(readers: ({ extension: string } & ReadMarker)[]): void {
    const { row } = this
    const read = new Map(readers.map((reader) => [reader.extension, reader]))
    const seqOf = (extension: string): number => read.get(extension)?.seq ?? 0
    const mine = read.get(this.me.extension)
    const isFurther = mine !== undefined && mine.seq > this.myRead.seq
    // Of a large group's readers few are shown.
    if (!isFurther && this.members.every((p) => p.read_seq >= seqOf(p.extension))) return
    const participants = row.participants.map((p) =>
      isMember(p) && p.read_seq < seqOf(p.extension) ? { ...p, read_seq: seqOf(p.extension) } : p,
    )
    this.row = { ...row, participants, ...(isFurther ? { my_read: { seq: mine.seq, text_no: mine.text_no } } : {}) }
  }

  /** Who has come and gone. Answers whether the row still shows all that it could. */
  change({ added, removed, participant_count }: ParticipantsChanged, version: number): boolean {
    this.#changed = version
    const { row } = this
    const gone = new Set(removed.map(keyOf))
    const stay = row.participants.filter((p) => !gone.has(keyOf(p)))
    const there = new Set(stay.map(keyOf))
    const come = added.filter((p) => !there.has(keyOf(p)))
    const inside = come.flatMap((p) => ('extension' in p ? [{ ...p, read_seq: row.last_seq }] : []))
    const outside = come.flatMap((p) => ('extension' in p ? [] : [p]))
    // Those inside come first.
    const all = [...stay.filter(isMember), ...inside, ...stay.filter(isOutsider), ...outside]
    const participants = all.slice(0, SHOWN)
    for (const one of gone) this.#stopsTyping(one)
    this.row = { ...row, participants, participant_count, version: Math.max(row.version, version) }
    // How many of them are outside only the row says.
    const isInside = [...added, ...removed].every((p) => 'extension' in p)
    return isInside && participants.length >= Math.min(SHOWN, participant_count)
  }

  /** Somebody has another name, here and on what they wrote. */
  rename(extension: string, name: string): void {
    const one = this.members.find((p) => p.extension === extension)
    if (one && one.name !== name) {
      const participants = this.row.participants.map((p) => (p === one ? { ...p, name } : p))
      const isChat = this.row.kind === 'direct' && extension !== this.me.extension
      this.row = { ...this.row, participants, ...(isChat ? { name } : {}) }
    }
    const renamed = (m: Message): Message => (extensionOf(m.from) === extension ? { ...m, from: { extension, name } } : m)
    if (this.row.last_message) this.row = { ...this.row, last_message: renamed(this.row.last_message) }
    if (this.messages.some((m) => extensionOf(m.from) === extension)) this.messages = this.messages.map(renamed)
  }

  types(extension: string): void {
    this.names.learn(extension, this.#shown(extension))
    clearTimeout(this.#typing.get(extension))
    this.#typing.set(extension, window.setTimeout(() => this.#typing.delete(extension), TYPING_ENDS))
  }

  nobodyTypes(): void {
    for (const extension of [...this.#typing.keys()]) this.#stopsTyping(extension)
  }

  #stopsTyping(extension: string): void {
    clearTimeout(this.#typing.get(extension))
    this.#typing.delete(extension)
  }

  /** The name of one whom the row shows. */
  #shown(extension: string): string | undefined {
    return this.members.find((p) => p.extension === extension)?.name
  }

  /** What is missing at the end of a timeline that is held. */
  async #readOn(): Promise<void> {
    for (;;) {
      const after_seq = this.messages.at(-1)?.seq ?? 0
      if (!this.loaded || this.loading || this.row.last_seq <= after_seq) return
      const page = await this.#page({ after_seq, limit: LARGE_PAGE })
      const last = this.messages.at(-1)?.seq ?? 0
      const further = this.#current(page?.items ?? []).filter((m) => m.seq > last)
      if (further.length === 0) return
      this.messages = [...this.messages, ...further]
    }
  }

  /** One page at a time; none where there is no answer, or all was forgotten before it came. */
  async #page(query: { limit: number; before_seq?: number; after_seq?: number }) {
    const time = this.#time
    this.loading = true
    this.#news.clear()
    const { data } = await http.GET('/v1/conversations/{id}/messages', { params: { path: { id: this.id }, query } })
    if (time !== this.#time) return undefined
    this.loading = false
    return data
  }

  /** A page as it is now. */
  #current(items: readonly Message[]): Message[] {
    return items.map((m) => {
      const news = this.#news.get(m.seq)
      return news && news.version > m.version ? news : m
    })
  }
}

/** Whether I am in it: of a queue's conversations in those that I have claimed. */
export function isMine({ queue }: Conversation, me: Me): boolean {
  return !queue || (queue.state === 'claimed' && queue.claimed_by?.extension === me.extension)
}

/** What of a row is about its newest message. */
function newest(row: Conversation): Pick<Conversation, 'last_seq' | 'text_count' | 'last_message' | 'last_activity_at'> {
  const { last_seq, text_count, last_message, last_activity_at } = row
  return { last_seq, text_count, last_message: last_message ?? null, last_activity_at }
}
