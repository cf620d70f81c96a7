// What this person sees and does, fed by the one stream of events. Nothing here decides anything: it follows the engine.
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
  type Problem,
  type ServerFrame,
} from './api/http'
import { Socket } from './api/socket'
import { Attention } from './attention'
import { Members } from './members.svelte'
import { Names } from './names.svelte'
import { Outbox } from './outbox.svelte'
import { Presences } from './presences.svelte'
import { Threads } from './threads.svelte'

interface Answer {
  data?: Conversation | undefined
  error?: Problem | undefined
}

export class Store {
  connected = $state(false)
  /** The connection was lost, or could not be made, and is tried again. */
  reconnecting = $state(false)
  /** Whether the first snapshot is there. */
  ready = $state(false)
  openId = $state<string | null>(null)
  /** What happened to me, until something else is opened. */
  notice = $state<string | null>(null)
  /** Everybody in the group whose members are being looked at. */
  members = $state<Members | null>(null)
  readonly threads: Threads
  readonly presence: Presences
  readonly attention: Attention
  readonly outbox: Outbox
  readonly alerts: Alerts
  readonly #names = new Names()
  readonly #socket: Socket
  #cursor: number | null = null
  #epoch: string | null = null

  /** Newest activity first. A chat that nobody has written in yet shows only to who opened it. */
  list = $derived.by(() => this.threads.list.filter((t) => t.row.last_seq > 0 || t.id === this.openId))
  open = $derived.by(() => (this.openId === null ? undefined : this.threads.shown(this.openId)))
  unread = $derived.by(() => this.list.reduce((sum, t) => sum + t.unread, 0))

  constructor(
    readonly me: Me,
    readonly signedOut: () => void,
  ) {
    const who = `${me.tenant}.${me.extension}`
    this.threads = new Threads(me, this.#names, (id) => this.members?.id === id && void this.members.load())
    this.presence = new Presences((frame) => this.#send(frame))
    this.attention = new Attention((frame) => this.#send(frame))
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
    this.presence.close()
  }

  // What the person does

  async openThread(id: string): Promise<void> {
    this.openId = id
    this.notice = null
    await this.#bring(id)
  }

  /** Back to the list. */
  closeThread(): void {
    this.openId = null
  }

  /** The chat with a colleague: the one that is there, or a new one. Answers why not, if not; so do all that follow. */
  async chat(extension: string): Promise<string | null> {
    return this.#begun(await http.POST('/v1/conversations', { body: { kind: 'direct', extension } }))
  }

  /** A new group; the same `client_id` again is the same group. */
  async createGroup(client_id: string, name: string, extensions: string[]): Promise<string | null> {
    return this.#begun(await http.POST('/v1/conversations', { body: { kind: 'group', client_id, name, extensions } }))
  }

  async rename(id: string, name: string): Promise<string | null> {
    return this.#answered(await http.PATCH('/v1/conversations/{id}', { params: { path: { id } }, body: { name } }))
  }

  async add(id: string, extensions: string[]): Promise<string | null> {
    const params = { path: { id } }
    return this.#answered(await http.POST('/v1/conversations/{id}/participants', { params, body: { extensions } }))
  }

  async remove(id: string, participant: string): Promise<string | null> {
    const params = { path: { id, who: participant } }
    const { error } = await http.DELETE('/v1/conversations/{id}/participants/{who}', { params })
    return error ? reason(error) : null
  }

  /** Everybody of a group, until it is closed again. */
  openMembers(id: string): void {
    this.members = new Members(id)
  }

  closeMembers(): void {
    this.members = null
  }

  /** The presence of who is on the screen is followed, and then that of the list's chats. */
  watch(): void {
    const chats = this.list.filter((t) => t.row.kind === 'direct')
    this.presence.watch(chats.flatMap((t) => t.others.map((p) => p.extension)))
  }

  #send(frame: ClientFrame): boolean {
    return this.connected && this.#socket.send(frame)
  }

  #begun(answer: Answer): string | null {
    // Its messages come while the dialog closes.
    const refused = this.#answered(answer)
    if (answer.data) void this.openThread(answer.data.id)
    return refused
  }

  #answered({ data, error }: Answer): string | null {
    if (!data) return reason(error)
    this.threads.hold(data)
    return null
  }

  /** What is open is read: anew, or on from where it was. It may be over for me by now. */
  async #bring(id: string): Promise<void> {
    const before = this.open
    if (!this.threads.get(id) && (await this.threads.fetch(id)) === false && this.openId === id) {
      this.openId = null
      if (before) this.notice = `You are no longer in ${before.name}`
    }
    await this.threads.get(id)?.load()
  }

  // What the engine says

  #lost(): void {
    this.connected = false
    this.reconnecting = true
    this.outbox.offline()
    this.presence.lost()
    for (const thread of this.threads.list) thread.nobodyTypes()
  }

  #frame(frame: ServerFrame): void {
    switch (frame.type) {
      case 'welcome':
        this.#epoch = frame.epoch
        if (frame.resumed) break
        // Whatever was seen before this is no place to go on from, should the snapshot not come.
        this.#cursor = null
        this.threads.forget(this.open)
        break
      case 'snapshot':
        this.threads.begin(frame.conversations, frame.next ?? null)
        break
      case 'event':
        this.#cursor = frame.version
        this.#event(frame)
        break
      case 'ready':
        this.#cursor = frame.cursor
        this.#ready()
        break
      case 'ok':
        if (frame.message) this.#message(frame.message)
        this.outbox.answered(frame)
        break
      case 'error':
        this.outbox.answered(frame)
        break
      case 'typing':
        this.threads.get(frame.conversation)?.types(frame.extension)
        break
      case 'presence':
        this.presence.told(frame.states)
        break
      case 'queues':
      case 'pong':
        break
    }
  }

  #ready(): void {
    this.connected = true
    this.reconnecting = false
    this.ready = true
    this.attention.online()
    this.watch()
    this.outbox.online()
    this.alerts.caughtUp()
    void this.members?.load()
    void this.threads.unreadBelow()
    if (this.openId !== null) void this.#bring(this.openId)
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
        if (event.data.joined) this.threads.hold({ ...event.data, my_read: event.data.joined })
        else if (this.threads.get(event.data.id)) this.threads.hold(event.data)
        break
      case 'participants.changed':
        this.#participants(event.data, event.version)
        break
      case 'conversation.removed':
        this.#removed(event.data.conversation, event.data.reason, event.version)
        break
      case 'read.advanced':
        this.threads.get(event.data.conversation)?.read(event.data.readers)
        break
      case 'extension.updated':
        this.#renamed(event.data.extension, event.data.name)
        break
    }
  }

  #message(message: Message): void {
    const { conversation: id, from } = message
    if (message.client_id) this.outbox.arrived(message.client_id)
    if (from) this.#names.heard(from.extension, from.name)
    if (from?.extension === this.me.extension) this.attention.wrote(id)
    const thread = this.threads.get(id)
    if (thread) thread.message(message)
    else void this.threads.fetch(id)
  }

  /** A text of somebody else's, that may have to be heard. */
  #alert(message: Message): void {
    const { conversation: id, seq, from } = message
    if (!from || message.kind !== 'text' || from.extension === this.me.extension) return
    const isRead = (): boolean => (this.threads.get(id)?.myRead.seq ?? 0) >= seq
    const isSeen = (): boolean =>
      document.hasFocus() && !document.hidden && this.openId === id && (this.attention.hasRead(id, seq) || isRead())
    const where = (): string => {
      const thread = this.threads.get(id)
      return thread?.isGroup ? `${from.name} in ${thread.name}` : from.name
    }
    this.alerts.text({ id: message.id, conversation: id, from: where, text: message.text, isLive: this.connected, isSeen, isRead })
  }

  #participants(change: ParticipantsChanged, version: number): void {
    const { conversation: id } = change
    if (this.members?.id === id) this.members.change(change)
    const thread = this.threads.get(id)
    // The place of one who was shown is another's now.
    if (thread && !thread.change(change, version)) void this.threads.fetch(id)
  }

  #removed(id: string, why: string, version: number): void {
    const isOpen = this.openId === id
    const thread = isOpen ? this.open : this.threads.get(id)
    this.threads.end(id, version)
    if (this.members?.id === id) this.members = null
    if (isOpen) this.openId = null
    if (thread && (isOpen || why === 'removed')) {
      this.notice = why === 'left' ? `You left ${thread.name}` : `You were removed from ${thread.name}`
    }
  }

  #renamed(extension: string, name: string): void {
    this.#names.rename(extension, name)
    this.members?.rename(extension, name)
    for (const thread of this.threads.list) thread.rename(extension, name)
  }
}
