// What this person sees, fed by the one stream of events. Nothing here decides anything: it follows the engine.
import { SvelteMap } from 'svelte/reactivity'
import {
  http,
  type ClientFrame,
  type Conversation,
  type EventFrame,
  type Me,
  type Message,
  type Presence,
  type ServerFrame,
} from './api/http'
import { Socket } from './api/socket'
import { Outbox } from './outbox.svelte'
import { Thread } from './thread.svelte'

/** How long somebody is shown as typing after the last word of it. */
const TYPING_ENDS = 6_000
/** At most one word of my own typing in this time. */
const TYPING_EVERY = 3_000
const PAGE = 50
const WATCHED = 200

export class Store {
  readonly threads = new SvelteMap<string, Thread>()
  readonly presence = new SvelteMap<string, Presence>()
  connected = $state(false)
  /** Whether the first snapshot is there. */
  ready = $state(false)
  openId = $state<string | null>(null)
  next = $state<string | null>(null)
  readonly outbox: Outbox
  #cursor: number | null = null
  #epoch: string | null = null
  #typed = new Map<string, number>() // by conversation: when I last said that I type
  #watched = ''
  #told = new Map<string, number>()
  readonly #socket: Socket

  /** Newest activity first. A chat that nobody has written in yet shows only to who opened it. */
  list = $derived.by(() => {
    const shown = [...this.threads.values()].filter((t) => t.row.last_seq > 0 || t.id === this.openId)
    return shown.sort((a, b) => b.row.last_activity_at.localeCompare(a.row.last_activity_at) || b.id.localeCompare(a.id))
  })
  open = $derived.by(() => (this.openId === null ? undefined : this.threads.get(this.openId)))
  unread = $derived.by(() => this.list.reduce((sum, t) => sum + t.unread, 0))

  constructor(
    readonly me: Me,
    readonly signedOut: () => void,
  ) {
    this.outbox = new Outbox(`${me.tenant}.${me.extension}`, (frame) => this.#send(frame))
    this.#socket = new Socket({
      position: () => ({ cursor: this.#cursor, epoch: this.#epoch }),
      frame: (frame) => this.#frame(frame),
      lost: () => this.#lost(),
      signedOut: () => this.signedOut(),
    })
  }

  close(): void {
    this.#socket.close()
  }

  // What the person does

  async openThread(id: string): Promise<void> {
    this.openId = id
    const thread = this.threads.get(id)
    if (thread && !thread.loaded) await this.#loadNewest(thread)
  }

  /** The chat with a colleague: the one that is there, or a new one. */
  async chat(extension: string): Promise<string | null> {
    const { data, error } = await http.POST('/v1/conversations', { body: { kind: 'direct', extension } })
    if (!data) return error?.detail ?? 'The engine can’t be reached'
    this.#row(data)
    await this.openThread(data.id)
    return null
  }

  /** Reads further back; answers whether there was anything. */
  async older(thread: Thread): Promise<boolean> {
    const first = thread.messages[0]
    if (thread.loading || thread.complete || !first) return false
    thread.loading = true
    const query = { before_seq: first.seq, limit: PAGE }
    const { data } = await http.GET('/v1/conversations/{id}/messages', { params: { path: { id: thread.id }, query } })
    thread.loading = false
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

  /** Tells the engine whose presence is shown, where that has changed. */
  watch(): void {
    const shown = new Set(this.list.flatMap((t) => t.others.map((p) => p.extension)))
    const extensions = [...shown].slice(0, WATCHED)
    const watched = extensions.toSorted().join(' ')
    if (watched !== this.#watched && this.#send({ type: 'watch', extensions })) this.#watched = watched
  }

  async moreThreads(): Promise<void> {
    if (this.next === null) return
    const { data } = await http.GET('/v1/conversations', { params: { query: { after: this.next } } })
    if (!data) return
    this.next = data.next ?? null
    data.items.forEach((row) => this.#row(row))
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
        if (!frame.resumed) this.threads.clear()
        this.#epoch = frame.epoch
        break
      case 'snapshot':
        frame.conversations.forEach((row) => this.#row(row))
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
        break
      case 'conversation.updated':
        if (event.data.joined) {
          this.#row({ ...event.data, my_read: event.data.joined })
        } else {
          const held = this.threads.get(event.data.id)
          if (held) this.#row({ ...held.row, ...event.data })
        }
        break
      case 'read.advanced': {
        const thread = this.threads.get(event.data.conversation)
        for (const { extension, seq, text_no } of event.data.readers) {
          if (thread) this.#marker(thread, extension, { seq, text_no })
        }
        break
      }
      case 'extension.updated':
        this.#renamed(event.data.extension, event.data.name)
        break
    }
  }

  /** A row that is newer than what is held. */
  #row(row: Conversation): void {
    const held = this.threads.get(row.id)
    if (!held) this.threads.set(row.id, new Thread(row, this.me))
    else if (row.version >= held.row.version) held.row = { ...held.row, ...row }
  }

  #message(message: Message): void {
    this.outbox.arrived(message.client_id)
    const thread = this.threads.get(message.conversation)
    if (!thread) return void this.#unknown(message.conversation)
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
      clearTimeout(thread.typing.get(message.from.extension))
      thread.typing.delete(message.from.extension)
      if (message.from.extension === this.me.extension) this.#typed.delete(thread.id)
      this.#marker(thread, message.from.extension, { seq: message.seq, text_no: message.text_no })
    }
    const last = thread.messages.at(-1)
    if (thread.loaded && (!last || message.seq === last.seq + 1)) thread.messages.push(message)
    else if (thread.loaded && last && message.seq > last.seq + 1) void this.#loadNewest(thread)
  }

  #marker(thread: Thread, extension: string, marker: { seq: number; text_no: number }): void {
    const { row } = thread
    const participants = row.participants.map((p) =>
      p.extension === extension && p.read_seq < marker.seq ? { ...p, read_seq: marker.seq } : p,
    )
    const mine = extension === this.me.extension && marker.seq > thread.myRead.seq
    thread.row = { ...row, participants, ...(mine ? { my_read: marker } : {}) }
  }

  #typing(conversation: string, extension: string): void {
    const thread = this.threads.get(conversation)
    if (!thread) return
    clearTimeout(thread.typing.get(extension))
    thread.typing.set(extension, window.setTimeout(() => thread.typing.delete(extension), TYPING_ENDS))
  }

  #renamed(extension: string, name: string): void {
    for (const thread of this.threads.values()) {
      const one = thread.row.participants.find((p) => p.extension === extension)
      if (!one || one.name === name) continue
      const participants = thread.row.participants.map((p) => (p === one ? { ...p, name } : p))
      const isChat = thread.row.kind === 'direct' && extension !== this.me.extension
      thread.row = { ...thread.row, participants, ...(isChat ? { name } : {}) }
      thread.messages = thread.messages.map((m) => (m.from?.extension === extension ? { ...m, from: { ...m.from, name } } : m))
    }
  }

  /** Something of a conversation that is further down than the list goes. */
  async #unknown(id: string): Promise<void> {
    const { data } = await http.GET('/v1/conversations/{id}', { params: { path: { id } } })
    if (data) this.#row(data)
  }

  /** After coming back: what is open is read on from where it was, or anew. */
  async #reopen(id: string): Promise<void> {
    if (!this.threads.has(id)) await this.#unknown(id)
    const thread = this.threads.get(id)
    if (!thread) this.openId = null
    else if (!thread.loaded) await this.#loadNewest(thread)
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
    if (thread.row.last_seq > newest && thread.messages.at(-1)?.seq !== thread.row.last_seq) {
      await this.#loadNewest(thread)
    }
  }

}
