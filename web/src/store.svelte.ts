// What this person sees and does, fed by the one stream of events. Nothing here decides anything: it follows the engine.
import { SvelteSet } from 'svelte/reactivity'
import { Admin } from './admin.svelte'
import { Alerts } from './alerts.svelte'
import type { ClientFrame, EventFrame, Me, Message, ParticipantsChanged, ServerFrame } from './api/http'
import { Socket } from './api/socket'
import { Attention } from './attention'
import { engineTime } from './clock.svelte'
import { Desk } from './desk.svelte'
import { Members } from './members.svelte'
import { heard } from './heard'
import { Names } from './names.svelte'
import { Office } from './office.svelte'
import { Outbox } from './outbox.svelte'
import { Phonebooks } from './phonebooks.svelte'
import { Presences } from './presences.svelte'
import { Requests } from './requests'
import { Threads } from './threads.svelte'
import { extensionOf } from './who'

/** So long a passing notice is on the screen, in milliseconds. */
const SAID = 10_000

/** A number of ours to text from. */
export interface Sender {
  number: string
  label: string
  /** To be asked for: nothing means my default. */
  value: string
  /** The queue that it feeds, if any. */
  queue: string
}

export class Store {
  connected = $state(false)
  /** The connection was lost, or could not be made, and is tried again. */
  reconnecting = $state(false)
  /** Whether the first snapshot is there. */
  ready = $state(false)
  /** Which of the portal's areas is looked at. */
  area = $state('messages')
  openId = $state<string | null>(null)
  #notice = $state.raw<(() => string) | null>(null)
  /** Everybody in the group whose members are being looked at. */
  members = $state<Members | null>(null)
  /** Messages whose deliveries are looked at one by one, by id. */
  readonly unfolded = new SvelteSet<string>()
  readonly threads: Threads
  /** What the person asks of the engine. */
  readonly ask: Requests
  readonly presence: Presences
  readonly attention: Attention
  readonly outbox: Outbox
  readonly alerts: Alerts
  readonly names = new Names()
  readonly admin = new Admin(() => this.me.role === 'admin')
  readonly office: Office
  readonly desk: Desk
  readonly phonebooks = new Phonebooks()
  readonly #socket: Socket
  #cursor: number | null = null
  #epoch: string | null = null
  #telling = 0

  /** Newest activity first. A chat that nobody has written in yet shows only to who opened it. */
  list = $derived.by(() => this.threads.list.filter((t) => t.row.last_seq > 0 || t.id === this.openId))
  open = $derived.by(() => (this.openId === null ? undefined : this.threads.shown(this.openId)))
  unread = $derived.by(() => this.list.reduce((sum, t) => sum + t.unread, 0))
  /** What I may text from: my own numbers, and those of the queues where I am available, whose text is the queue's, and mine. */
  senders = $derived.by((): Sender[] => [
    ...this.office.senders.map(({ number, label }, i) => ({ number, label: label ?? '', value: i === 0 ? '' : number, queue: '' })),
    ...this.desk.queues.open.flatMap((queue) =>
      queue.numbers.map((number) => ({ number, label: queue.name, value: number, queue: queue.name })),
    ),
  ])

  constructor(
    me: Me,
    readonly signedOut: () => void,
  ) {
    const who = `${me.tenant}.${me.extension}`
    this.office = new Office(me)
    this.threads = new Threads(me, this.names, (id) => this.members?.id === id && void this.members.load())
    this.ask = new Requests(this.threads, (id) => void this.openThread(id))
    this.presence = new Presences((frame) => this.#send(frame))
    this.attention = new Attention((frame) => this.#send(frame))
    this.outbox = new Outbox(who, (frame) => this.#send(frame))
    this.alerts = new Alerts(who, (id) => void this.openThread(id), () => this.office.settings?.alert_tone ?? 'chime')
    this.desk = new Desk(this)
    this.#socket = new Socket({
      position: () => ({ cursor: this.#cursor, epoch: this.#epoch }),
      frame: (frame) => this.#frame(frame),
      lost: () => this.#lost(),
      signedOut: () => this.signedOut(),
    })
  }

  /** Who I am, as it was last heard. */
  get me(): Me {
    return this.office.me
  }

  close(): void {
    this.#socket.close()
    this.alerts.close()
    this.presence.close()
  }

  // What the person does

  async openThread(id: string): Promise<void> {
    this.area = 'messages'
    this.openId = id
    this.notice = null
    await this.#bring(id)
  }

  /** What is open, and not told to me as it changes, is asked for again. */
  async look(id: string): Promise<void> {
    if (this.openId === id) await this.#bring(id)
  }

  /** What happened to me, until something else is opened. */
  get notice(): string | null {
    return this.#notice?.() ?? null
  }

  set notice(words: string | null) {
    clearTimeout(this.#telling)
    this.#notice = words === null ? null : () => words
  }

  /** Something that others did, or that is done, is said for a while. A name in it may come to be known meanwhile. */
  tell(words: () => string): void {
    clearTimeout(this.#telling)
    this.#notice = words
    this.#telling = window.setTimeout(() => (this.notice = null), SAID)
  }

  /** Back to the list. */
  closeThread(): void {
    this.openId = null
  }

  /** Everybody of a group, until it is closed again. */
  openMembers(id: string): void {
    this.members = new Members(id, this.names)
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

  /** What is open is read: anew, or on from where it was. It may be over for me by now. */
  async #bring(id: string): Promise<void> {
    const before = this.open
    // What I am not in is told to me in part, or not at all.
    if (!this.threads.get(id)?.isMine && (await this.threads.fetch(id)) === false && this.openId === id) {
      this.openId = null
      if (before?.row.queue) this.desk.lost(before)
      else if (before) this.notice = `You are no longer in ${before.name}`
      return
    }
    await this.threads.get(id)?.load()
  }

  // What the engine says

  #lost(): void {
    this.connected = false
    this.reconnecting = true
    this.outbox.offline()
    this.presence.lost()
    for (const thread of this.threads.all) thread.nobodyTypes()
  }

  #frame(frame: ServerFrame): void {
    switch (frame.type) {
      case 'welcome':
        this.#epoch = frame.epoch
        this.office.me = frame.me
        engineTime(frame.server_time)
        if (frame.resumed) break
        void this.office.readSettings()
        this.names.numbers.updated(null)
        // Whatever was seen before this is no place to go on from, should the snapshot not come.
        this.#cursor = null
        this.threads.forget(this.open)
        break
      case 'snapshot':
        this.names.numbers.told(frame.names)
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
        this.desk.told(frame.queues)
        break
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
    this.threads.online()
    this.names.numbers.online()
    if (!this.office.settings) void this.office.readSettings()
    this.alerts.caughtUp()
    this.desk.queues.voiceTurn++
    this.phonebooks.changed()
    this.admin.online()
    void this.members?.load()
    void this.threads.unreadBelow()
    if (this.openId !== null) void this.#bring(this.openId)
  }

  #event(event: EventFrame): void {
    this.admin.event(event)
    switch (event.name) {
      case 'message.created':
        this.#message(event.data)
        this.#alert(event.data)
        void this.desk.heard(event.data)
        break
      case 'message.updated':
        this.threads.get(event.data.conversation)?.update(event.data)
        break
      case 'conversation.updated':
        this.desk.updated(event.data)
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
        this.desk.queues.voiceTurn++
        if (event.data.extension === this.me.extension) {
          void this.office.readMe()
          this.phonebooks.changed()
        }
        break
      case 'names.updated':
        this.names.numbers.updated(event.data.numbers ?? null)
        this.phonebooks.changed()
        break
      case 'number.updated':
        void this.office.readMe()
        // It may feed a queue of mine since, or no longer.
        if (this.desk.queues.all.length > 0) void this.desk.queues.refresh()
        break
      case 'consent.updated':
        this.#consent(event.data.number)
        break
      case 'settings.updated':
        void this.office.readSettings()
        break
      case 'unrouted.updated':
        break
      default:
        this.desk.event(event)
    }
  }

  #message(message: Message): void {
    const { conversation: id, from } = message
    if (message.client_id) this.outbox.arrived(message.client_id)
    if (from && 'extension' in from) this.names.heard(from.extension, from.name)
    if (extensionOf(from) === this.me.extension) this.attention.wrote(id)
    const thread = this.threads.get(id)
    thread?.message(message)
    // Whether a customer waits for a reply only the row says: a word of consent wants none.
    const mayWait = thread?.isSms && message.direction === 'inbound' && !thread.row.needs_reply_since
    if (!thread || mayWait) void this.threads.fetch(id)
  }

  #alert(message: Message): void {
    const text = heard(this, message)
    if (text) this.alerts.text(text)
  }

  /** Somebody wants no texts, or takes them again: of which of my threads, their rows say. */
  #consent(number: string): void {
    for (const { id, row } of this.threads.list) if (row.number === number) void this.threads.fetch(id)
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
    const news = why === 'released' || why === 'transferred' ? this.desk.removed(id, why) : null
    this.threads.end(id, version)
    if (this.members?.id === id) this.members = null
    if (isOpen) this.openId = null
    if (news) this.tell(news)
    else if (thread && !thread.row.queue && (isOpen || why === 'removed')) {
      this.notice = why === 'left' ? `You left ${thread.name}` : `You were removed from ${thread.name}`
    }
  }

  #renamed(extension: string, name: string): void {
    this.names.rename(extension, name)
    this.members?.rename(extension, name)
    this.desk.queues.rename(extension, name)
    for (const thread of this.threads.all) thread.rename(extension, name)
  }
}
