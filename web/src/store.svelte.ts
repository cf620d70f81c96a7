// What this person sees, fed by the one stream of events. Nothing here decides anything: it follows the engine.
import { untrack } from 'svelte'
import { SvelteMap } from 'svelte/reactivity'
import { Alerts } from './alerts.svelte'
import {
  http,
  reason,
  type ClientFrame,
  type Conversation,
  type EventFrame,
  type Me,
  type Message,
  type ParticipantsChanged,
  type Presence,
  type ReadMarker,
  type ServerFrame,
} from './api/http'
import { Socket } from './api/socket'
import { Outbox } from './outbox.svelte'
import { Members } from './members.svelte'
import { Thread } from './thread.svelte'

/** How long somebody is shown as typing after the last word of it. */
const TYPING_ENDS = 6_000
/** At most one word of my own typing in this time. */
const TYPING_EVERY = 3_000
const PAGE = 50
const LARGE_PAGE = 200
/** A row's newest message comes as an event, too: only where it doesn't is it asked for. */
const EVENT_LATE = 1_500
const WATCHED = 200
/** So many changes of what is shown go to the engine as one. */
const WATCH_PAUSE = 150
/** So many participants a row shows. */
const SHOWN = 20

interface Asked {
  filter: 'unread'
  limit: number
  after?: string
}
interface Page {
  items: Conversation[]
  next?: string | null
}

export class Store {
  readonly threads = new SvelteMap<string, Thread>()
  readonly presence = new SvelteMap<string, Presence>()
  connected = $state(false)
  /** Whether the first snapshot is there. */
  ready = $state(false)
  openId = $state<string | null>(null)
  next = $state<string | null>(null)
  /** What happened to me, until something else is opened. */
  notice = $state<string | null>(null)
  /** Everybody in the group whose members are being looked at. */
  members = $state<Members | null>(null)
  readonly outbox: Outbox
  readonly alerts: Alerts
  #cursor: number | null = null
  #epoch: string | null = null
  #typed = new Map<string, number>() // by conversation: when I last said that I type
  #watched = ''
  #watching = 0
  #told = new Map<string, number>()
  #shown = new SvelteMap<string, number>() // by number: how many places show their presence
  #names = new SvelteMap<string, string>() // by number: who writes or types, though no row shows them
  #wanted = new Map<string, boolean>() // by conversation: its row is asked for; true: and must be again
  #gone = new Map<string, number>() // by conversation: the version at which it ended for me
  #changed = new Map<string, number>() // by conversation: the version of its last change of members
  #hasUnread = false // all that is unread is held
  #openName: string | null = null // of what was open when everything had to be dropped
  readonly #socket: Socket

  /** Newest activity first. A chat that nobody has written in yet shows only to who opened it. */
  list = $derived.by(() => {
    const shown = [...this.threads.values()].filter((t) => t.row.last_seq > 0 || t.id === this.openId)
    return shown.sort((a, b) => below(a.row.last_activity_at, b.row.last_activity_at) || below(a.id, b.id))
  })
  open = $derived.by(() => (this.openId === null ? undefined : this.threads.get(this.openId)))
  unread = $derived.by(() => this.list.reduce((sum, t) => sum + t.unread, 0))

  constructor(
    readonly me: Me,
    readonly signedOut: () => void,
  ) {
    const who = `${me.tenant}.${me.extension}`
    this.outbox = new Outbox(who, (frame) => this.#send(frame))
    this.alerts = new Alerts(who, (id) => void this.openThread(id))
    this.#socket = new Socket({
      position: () => ({ cursor: this.#cursor, epoch: this.#epoch }),
      frame: (frame) => this.#frame(frame),
      lost: () => this.#lost(),
      signedOut: () => this.signedOut(),
    })
  }

  close(): void {
    this.#socket.close()
    this.alerts.close()
    clearTimeout(this.#watching)
  }

  // What the person does

  async openThread(id: string): Promise<void> {
    this.openId = id
    this.notice = null
    // It may be over for me by now.
    if (!this.threads.has(id) && (await this.#fetch(id)) === false && this.openId === id) this.openId = null
    const thread = this.threads.get(id)
    if (thread && !thread.loaded) await this.#loadNewest(thread)
  }

  /** Back to the list. */
  closeThread(): void {
    this.openId = null
  }

  /** The chat with a colleague: the one that is there, or a new one. */
  async chat(extension: string): Promise<string | null> {
    const { data, error } = await http.POST('/v1/conversations', { body: { kind: 'direct', extension } })
    if (!data) return reason(error)
    this.hold(data)
    // Its messages come while the dialog closes.
    void this.openThread(data.id)
    return null
  }

  /** A new group; the same `client_id` again is the same group. Answers why not, if not. */
  async createGroup(client_id: string, name: string, extensions: string[]): Promise<string | null> {
    const { data, error } = await http.POST('/v1/conversations', { body: { kind: 'group', client_id, name, extensions } })
    if (!data) return reason(error)
    this.hold(data)
    // Its messages come while the dialog closes.
    void this.openThread(data.id)
    return null
  }

  async rename(id: string, name: string): Promise<string | null> {
    const { data, error } = await http.PATCH('/v1/conversations/{id}', { params: { path: { id } }, body: { name } })
    if (data) this.hold(data)
    return data ? null : reason(error)
  }

  async add(id: string, extensions: string[]): Promise<string | null> {
    const params = { path: { id } }
    const { data, error } = await http.POST('/v1/conversations/{id}/participants', { params, body: { extensions } })
    if (data) this.hold(data)
    return data ? null : reason(error)
  }

  async remove(id: string, participant: string): Promise<string | null> {
    const params = { path: { id, who: participant } }
    const { error } = await http.DELETE('/v1/conversations/{id}/participants/{who}', { params })
    return error ? reason(error) : null
  }

  /** Whose presence is on the screen, until the answer is called. */
  shows(extension: string): () => void {
    const count = (by: number): void => {
      const now = untrack(() => this.#shown.get(extension) ?? 0) + by
      if (now > 0) this.#shown.set(extension, now)
      else this.#shown.delete(extension)
    }
    count(1)
    return () => count(-1)
  }

  /** Somebody's name, as far as it was heard here. */
  nameOf(extension: string): string {
    return this.#names.get(extension) ?? extension
  }

  /** Everybody of a group, until it is closed again. */
  openMembers(id: string): void {
    this.members = new Members(id)
  }

  closeMembers(): void {
    this.members = null
  }

  /** Whether I have said that I have seen this far. */
  hasSeen(id: string, seq: number): boolean {
    return (this.#told.get(id) ?? 0) >= seq || (this.threads.get(id)?.myRead.seq ?? 0) >= seq
  }

  /** Reads further back; answers whether there was anything. */
  async older(thread: Thread): Promise<boolean> {
    const first = thread.messages[0]
    if (thread.loading || thread.complete || !first) return false
    thread.loading = true
    const query = { before_seq: first.seq, limit: PAGE }
    const { data } = await http.GET('/v1/conversations/{id}/messages', { params: { path: { id: thread.id }, query } })
    thread.loading = false
    // What was missed at the other end had to wait.
    void this.#readOn(thread)
    if (!data) return false
    thread.messages = [...data.items, ...thread.messages]
    thread.complete = data.next === null || data.next === undefined
    return data.items.length > 0
  }

  /** The person has seen all of this conversation. */
  read(thread: Thread): void {
    const seq = thread.row.last_seq
    if (thread.unread === 0 || (this.#told.get(thread.id) ?? 0) >= seq) return
    if (this.#send({ type: 'read', conversation: thread.id, seq })) this.#told.set(thread.id, seq)
  }

  typing(conversation: string): void {
    if (Date.now() - (this.#typed.get(conversation) ?? 0) < TYPING_EVERY) return
    if (this.#send({ type: 'typing', conversation })) this.#typed.set(conversation, Date.now())
  }

  active(active: boolean): void {
    this.#send({ type: 'active', active })
  }

  /** Tells the engine whose presence is shown, where that has changed: first what is on the screen, then the list. */
  watch(): void {
    const chats = this.list.filter((t) => t.row.kind === 'direct').flatMap((t) => t.others.map((p) => p.extension))
    const extensions = [...new Set([...this.#shown.keys(), ...chats])].slice(0, WATCHED)
    const watched = extensions.toSorted().join(' ')
    clearTimeout(this.#watching)
    this.#watching = window.setTimeout(() => {
      if (watched !== this.#watched && this.#send({ type: 'watch', extensions })) this.#watched = watched
    }, WATCH_PAUSE)
  }

  /** What is unread counts, however far down the list it is. */
  async #unreadBelow(): Promise<void> {
    let after: string | null = null
    do {
      const query: Asked = { filter: 'unread', limit: LARGE_PAGE, ...(after === null ? {} : { after }) }
      const { data }: { data?: Page | undefined } = await http.GET('/v1/conversations', { params: { query } })
      if (!data) return
      for (const row of data.items) this.hold(row)
      after = data.next ?? null
    } while (after !== null)
    this.#hasUnread = true
  }

  async moreThreads(): Promise<void> {
    if (this.next === null) return
    const { data } = await http.GET('/v1/conversations', { params: { query: { after: this.next, limit: LARGE_PAGE } } })
    if (!data) return
    this.next = data.next ?? null
    data.items.forEach((row) => this.hold(row))
  }

  // What the engine says

  #send(frame: ClientFrame): boolean {
    return this.connected && this.#socket.send(frame)
  }

  #lost(): void {
    this.connected = false
    this.outbox.offline()
    this.presence.clear()
    for (const thread of this.threads.values()) thread.typing.clear()
  }

  #frame(frame: ServerFrame): void {
    switch (frame.type) {
      case 'welcome':
        this.#openName = this.open?.name ?? null
        if (!frame.resumed) this.#forget()
        this.#epoch = frame.epoch
        break
      case 'snapshot':
        frame.conversations.forEach((row) => this.hold(row))
        this.next = frame.next ?? null
        break
      case 'event':
        this.#cursor = frame.version
        this.#event(frame)
        break
      case 'ready':
        this.#cursor = frame.cursor
        this.connected = true
        this.ready = true
        this.#told.clear()
        this.active(!document.hidden)
        this.#watched = ''
        this.watch()
        this.outbox.online()
        this.alerts.caughtUp()
        void this.members?.load()
        if (this.next !== null && !this.#hasUnread) void this.#unreadBelow()
        if (this.openId !== null) void this.#reopen(this.openId)
        break
      case 'ok':
        if (frame.message) this.#message(frame.message)
        this.outbox.answered(frame)
        break
      case 'error':
        this.outbox.answered(frame)
        break
      case 'typing':
        this.#typing(frame.conversation, frame.extension)
        break
      case 'presence':
        for (const [extension, state] of Object.entries(frame.states)) this.presence.set(extension, state)
        break
      case 'queues':
      case 'pong':
        break
    }
  }

  #event(event: EventFrame): void {
    switch (event.name) {
      case 'message.created':
        this.#message(event.data)
        this.#alert(event.data)
        break
      case 'conversation.updated':
        // New to me. Where it is held, its answer was here first, as it is for who made it, or I was out and in again
        // while I was away: then what is held is where the timeline begins all the same.
        if (event.data.joined) this.hold({ ...event.data, my_read: event.data.joined })
        else if (this.threads.has(event.data.id)) this.hold(event.data)
        break
      case 'participants.changed':
        this.#participants(event.data, event.version)
        break
      case 'conversation.removed':
        this.#removed(event.data.conversation, event.data.reason, event.version)
        break
      case 'read.advanced': {
        const thread = this.threads.get(event.data.conversation)
        if (thread) this.#markers(thread, event.data.readers)
        break
      }
      case 'extension.updated':
        this.#renamed(event.data.extension, event.data.name)
        break
    }
  }

  /** Everything anew: what is held may be of another time. */
  #forget(): void {
    this.threads.clear()
    this.#hasUnread = false
    this.#gone.clear()
    this.#changed.clear()
  }

  /** A row as it is for me; of what is held, only what is newer stays. */
  hold(row: Conversation): void {
    if (row.version <= (this.#gone.get(row.id) ?? -1)) return
    const thread = this.threads.get(row.id)
    if (!thread) return void this.threads.set(row.id, new Thread(row, this.me))
    const held = thread.row
    // Name and members go by revision, the newest message by its place: an answer and an event may pass each other.
    const isNewer = row.revision >= held.revision && row.version >= (this.#changed.get(row.id) ?? 0)
    const read = new Map(held.participants.map((p) => [p.extension, p.read_seq]))
    for (const p of row.participants) read.set(p.extension, Math.max(p.read_seq, read.get(p.extension) ?? 0))
    const participants = (isNewer ? row : held).participants.map((p) => ({ ...p, read_seq: read.get(p.extension)! }))
    const my_read = row.my_read && row.my_read.seq > thread.myRead.seq ? row.my_read : thread.myRead
    thread.row = {
      ...(isNewer ? row : held),
      ...timeline(row.last_seq > held.last_seq || (row.last_seq === held.last_seq && row.last_message) ? row : held),
      name: (isNewer ? row.name : held.name) ?? held.name ?? null,
      version: Math.max(row.version, held.version),
      participants,
      my_read,
    }
    setTimeout(() => void this.#readOn(thread), EVENT_LATE)
    if (isNewer && row.revision > held.revision && this.members?.id === row.id) void this.members.load()
  }

  #participants(change: ParticipantsChanged, version: number): void {
    const { conversation, added, removed, participant_count } = change
    this.#changed.set(conversation, version)
    if (this.members?.id === conversation) this.members.change(change)
    const thread = this.threads.get(conversation)
    if (!thread) return
    const { row } = thread
    const gone = new Set(removed.map((p) => p.extension))
    const stay = row.participants.filter((p) => !gone.has(p.extension))
    const there = new Set(stay.map((p) => p.extension))
    const come = added.filter((p) => !there.has(p.extension)).map((p) => ({ ...p, read_seq: row.last_seq }))
    const participants = [...stay, ...come].slice(0, SHOWN)
    for (const extension of gone) this.#stopTyping(thread, extension)
    thread.row = { ...row, participants, participant_count, version: Math.max(row.version, version) }
    // The place of one who was shown is another's now.
    if (participants.length < Math.min(SHOWN, participant_count)) void this.#fetch(conversation)
  }

  #removed(id: string, why: string, version: number): void {
    const thread = this.threads.get(id)
    this.#gone.set(id, version)
    this.threads.delete(id)
    if (this.members?.id === id) this.members = null
    const isOpen = this.openId === id
    if (isOpen) this.openId = null
    if (thread && (isOpen || why === 'removed')) {
      this.notice = why === 'left' ? `You left ${thread.name}` : `You were removed from ${thread.name}`
    }
  }

  /** A text of somebody else's, that may have to be heard. */
  #alert(message: Message): void {
    const { conversation: id, seq, from } = message
    if (!from || message.kind !== 'text' || from.extension === this.me.extension) return
    const isSeen = (): boolean => document.hasFocus() && !document.hidden && this.openId === id && this.hasSeen(id, seq)
    const isRead = (): boolean => (this.threads.get(id)?.myRead.seq ?? 0) >= seq
    const where = (): string => {
      const thread = this.threads.get(id)
      return thread?.row.kind === 'group' ? `${from.name} in ${thread.name}` : from.name
    }
    this.alerts.text({ id: message.id, conversation: id, from: where, text: message.text, isLive: this.connected, isSeen, isRead })
  }

  #message(message: Message): void {
    if (message.client_id) this.outbox.arrived(message.client_id)
    if (message.from) this.#names.set(message.from.extension, message.from.name)
    const thread = this.threads.get(message.conversation)
    if (!thread) return void this.#fetch(message.conversation)
    const { row } = thread
    if (message.seq > row.last_seq || (message.seq === row.last_seq && !row.last_message)) {
      thread.row = {
        ...row,
        last_seq: message.seq,
        text_count: message.text_no,
        last_message: message,
        last_activity_at: message.created_at,
        version: Math.max(row.version, message.version),
      }
    }
    if (message.from) {
      const { extension } = message.from
      this.#stopTyping(thread, extension)
      if (extension === this.me.extension) this.#typed.delete(thread.id)
      this.#markers(thread, [{ extension, seq: message.seq, text_no: message.text_no }])
    }
    const last = thread.messages.at(-1)
    if (thread.loaded && (!last || message.seq === last.seq + 1)) thread.messages = [...thread.messages, message]
    else if (thread.loaded && last && message.seq > last.seq + 1) void this.#readOn(thread)
  }

  #markers(thread: Thread, readers: ({ extension: string } & ReadMarker)[]): void {
    const { row } = thread
    const read = new Map(readers.map((reader) => [reader.extension, reader]))
    const seqOf = (extension: string): number => read.get(extension)?.seq ?? 0
    const mine = read.get(this.me.extension)
    const isFurther = mine !== undefined && mine.seq > thread.myRead.seq
    // Of a large group's readers few are shown.
    if (!isFurther && row.participants.every((p) => p.read_seq >= seqOf(p.extension))) return
    const participants = row.participants.map((p) =>
      p.read_seq < seqOf(p.extension) ? { ...p, read_seq: seqOf(p.extension) } : p,
    )
    thread.row = { ...row, participants, ...(isFurther ? { my_read: { seq: mine.seq, text_no: mine.text_no } } : {}) }
  }

  #typing(conversation: string, extension: string): void {
    const thread = this.threads.get(conversation)
    if (!thread) return
    this.#learn(thread, extension)
    clearTimeout(thread.typing.get(extension))
    thread.typing.set(extension, window.setTimeout(() => thread.typing.delete(extension), TYPING_ENDS))
  }

  #stopTyping(thread: Thread, extension: string): void {
    clearTimeout(thread.typing.get(extension))
    thread.typing.delete(extension)
  }

  /** The name of one who is in a group, and whom no row shows. */
  #learn(thread: Thread, extension: string): void {
    if (this.#names.has(extension)) return
    const shown = thread.row.participants.find((p) => p.extension === extension)
    if (shown) return void this.#names.set(extension, shown.name)
    void http.GET('/v1/extensions', { params: { query: { q: extension } } }).then(({ data }) => {
      const found = data?.items.find((entry) => entry.extension === extension)
      if (found) this.#names.set(extension, found.name)
    })
  }

  #renamed(extension: string, name: string): void {
    if (this.#names.has(extension)) this.#names.set(extension, name)
    this.members?.rename(extension, name)
    for (const thread of this.threads.values()) {
      const one = thread.row.participants.find((p) => p.extension === extension)
      if (one && one.name !== name) {
        const participants = thread.row.participants.map((p) => (p === one ? { ...p, name } : p))
        const isChat = thread.row.kind === 'direct' && extension !== this.me.extension
        thread.row = { ...thread.row, participants, ...(isChat ? { name } : {}) }
      }
      const renamed = (m: Message): Message => (m.from?.extension === extension ? { ...m, from: { ...m.from, name } } : m)
      if (thread.row.last_message) thread.row = { ...thread.row, last_message: renamed(thread.row.last_message) }
      if (thread.messages.some((m) => m.from?.extension === extension)) thread.messages = thread.messages.map(renamed)
    }
  }

  /**
   * The row of a conversation that is further down than the list goes, or has changed unseen. However many ask, one
   * request is under way; who asks meanwhile has it made once more, for the answer may be older than their reason.
   * Answers whether it was there; undefined without an answer.
   */
  async #fetch(id: string): Promise<boolean | undefined> {
    if (this.#wanted.has(id)) return void this.#wanted.set(id, true)
    let status: boolean | undefined
    do {
      this.#wanted.set(id, false)
      const { data, response } = await http.GET('/v1/conversations/{id}', { params: { path: { id } } })
      if (data) this.hold(data)
      status = data ? true : response.status === 404 ? false : undefined
    } while (this.#wanted.get(id))
    this.#wanted.delete(id)
    return status
  }

  /** After coming back: what is open is read on from where it was, or anew. */
  async #reopen(id: string): Promise<void> {
    if (!this.threads.has(id) && (await this.#fetch(id)) === false && this.openId === id) {
      this.openId = null
      if (this.#openName) this.notice = `You are no longer in ${this.#openName}`
    }
    const thread = this.threads.get(id)
    if (thread) await (thread.loaded ? this.#readOn(thread) : this.#loadNewest(thread))
  }

  async #loadNewest(thread: Thread): Promise<void> {
    if (thread.loading) return
    thread.loading = true
    const params = { path: { id: thread.id }, query: { limit: PAGE } }
    const { data } = await http.GET('/v1/conversations/{id}/messages', { params })
    thread.loading = false
    if (!data) return
    // What came while this was read is newer, and stays.
    const newest = data.items.at(-1)?.seq ?? 0
    thread.messages = [...data.items, ...thread.messages.filter((m) => m.seq > newest)]
    thread.complete = data.next === null || data.next === undefined
    thread.loaded = true
    await this.#readOn(thread)
  }

  /** What is missing at the end of a timeline that is held. */
  async #readOn(thread: Thread): Promise<void> {
    for (;;) {
      const after_seq = thread.messages.at(-1)?.seq ?? 0
      if (!thread.loaded || thread.loading || thread.row.last_seq <= after_seq) return
      thread.loading = true
      const params = { path: { id: thread.id }, query: { after_seq, limit: LARGE_PAGE } }
      const { data } = await http.GET('/v1/conversations/{id}/messages', { params })
      thread.loading = false
      const newest = thread.messages.at(-1)?.seq ?? 0
      const further = data?.items.filter((m) => m.seq > newest) ?? []
      if (further.length === 0) return
      thread.messages = [...thread.messages, ...further]
    }
  }
}

/** What of a row is about its newest message. */
function timeline(row: Conversation): Pick<Conversation, 'last_seq' | 'text_count' | 'last_message' | 'last_activity_at'> {
  const { last_seq, text_count, last_message, last_activity_at } = row
  return { last_seq, text_count, last_message: last_message ?? null, last_activity_at }
}

/** The greater first: times of one form sort as they are. */
function below(a: string, b: string): number {
  return a < b ? 1 : a > b ? -1 : 0
}
