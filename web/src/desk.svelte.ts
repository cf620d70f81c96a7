// Where an agent works: what I do with conversations of my queues, and what I am told of those that others take.
import { engineNow } from './clock.svelte'
import { http, reason, type Conversation, type Message, type Problem, type Queue, type QueueEvent, type QueueTaken } from './api/http'
import { exactly, summary } from './format'
import { Queues } from './queues.svelte'
import type { Store } from './store.svelte'
import type { Thread } from './thread.svelte'

export type Target = { extension: string; name: string } | { queue: string; name: string }

interface Answer {
  data?: Conversation | undefined
  error?: Problem | undefined
}

/** The engine's clock and the news of a deadline may be so far apart, in milliseconds. */
const APART = 1_500

export class Desk {
  readonly queues: Queues
  /** What of mine I am giving away here: what is heard of it is no news. */
  #doing = new Set<string>()

  constructor(private readonly store: Store) {
    this.queues = new Queues({
      hold: (row) => store.threads.hold(row),
      held: (id) => store.threads.get(id)?.row,
      claim: (id) => this.claim(id),
    })
  }

  /** Whether I read and steer all of them. */
  get isSupervisor(): boolean {
    return this.store.me.role !== 'user'
  }

  /** Whether a text from this number of ours would be a queue's, and mine. */
  mayTextFrom(number: string): boolean {
    return this.isSupervisor || this.queues.fedBy(number) !== undefined
  }

  // What I do

  /** Makes it mine, and opens it. Answers why not; who was faster is told to everybody alike. */
  async claim(id: string): Promise<string | null> {
    const name = this.#name(id)
    const { data, error }: Answer = await http.POST('/v1/conversations/{id}/claim', of(id))
    if (!data) {
      const winner = error?.claimed_by
      if (!winner) return reason(error)
      this.store.tell(() => taken('claimed', winner.name, name()))
      return null
    }
    this.store.threads.hold(data)
    await this.store.openThread(id)
    return null
  }

  async release(id: string): Promise<string | null> {
    const done = http.POST('/v1/conversations/{id}/release', of(id))
    return this.#leave(id, done, (name) => `Back in the queue: the conversation with ${name}`)
  }

  async end(id: string): Promise<string | null> {
    const done = http.POST('/v1/conversations/{id}/close', of(id))
    return this.#leave(id, done, (name) => `The conversation with ${name} is closed`)
  }

  async transfer(id: string, { name: to, ...body }: Target): Promise<string | null> {
    const done = http.POST('/v1/conversations/{id}/transfer', { ...of(id), body })
    return this.#leave(id, done, (name) => `The conversation with ${name} is with ${to} now`)
  }

  async #leave(id: string, done: Promise<Answer>, words: (name: string) => string): Promise<string | null> {
    const name = this.#name(id)
    const isMine = this.store.threads.get(id)?.isMine ?? false
    if (isMine) this.#doing.add(id)
    const { data, error } = await done
    if (!data) {
      this.#doing.delete(id)
      return reason(error)
    }
    this.store.threads.hold(data)
    if (isMine && this.store.openId === id) this.store.closeThread()
    this.store.tell(() => words(name()))
    return null
  }

  /** What its customer is called, whenever it is asked: also when it is held no more. */
  #name(id: string): () => string {
    const number = this.store.threads.get(id)?.row.number ?? ''
    return () => this.store.names.numbers.of(number)
  }

  // What the engine says

  event(event: QueueEvent): void {
    switch (event.name) {
      case 'queue.waiting':
        this.#comes(event.data.queue, event.data.conversation)
        break
      case 'queue.taken':
        this.#taken(event.data)
        break
      case 'agent.updated':
        this.queues.agent(event.data.queue, event.data.agent, event.data.member)
        break
      case 'voice_queue.updated':
        this.queues.voiceTurn++
        break
      case 'queue.updated':
        // What I hold may be due at another time now.
        for (const { id, row } of this.store.threads.list) if (row.queue?.id === event.data.id) void this.store.threads.fetch(id)
        break
    }
  }

  /** All my queues, whole. */
  told(queues: readonly Queue[]): void {
    const waited = this.queues.waiting
    for (const row of this.queues.told(queues)) this.#alert(row, false)
    for (const { id } of waited) if (!this.queues.waits(id) && this.store.openId !== id) this.store.threads.drop(id)
    // What is open may have been taken while nobody told me.
    const open = this.store.open
    if (open?.row.queue?.state === 'waiting' && !this.queues.waits(open.id)) void this.store.look(open.id)
  }

  /** What I read is not mine to read any more. */
  lost(thread: Thread): void {
    const name = this.#name(thread.id)
    this.store.threads.drop(thread.id)
    this.store.tell(() => `The conversation with ${name()} is not yours to read any more`)
  }

  #comes(queue: string, row: Conversation): void {
    const isNew = this.queues.comes(queue, row)
    if (isNew) this.#alert(row, this.store.connected)
    // Its messages are told to nobody: who reads it asks.
    if (this.store.openId === row.id) void this.store.threads.get(row.id)?.load()
  }

  #taken(data: QueueTaken): void {
    const { conversation: id, reason: why, by } = data
    const name = this.#name(id)
    const row = this.queues.goes(data)
    if (why === 'closed') this.queues.turn++
    if (by?.extension === this.store.me.extension) return
    const thread = this.store.threads.get(id)
    // What was given to me is said elsewhere.
    if (thread?.isMine || this.#isToMe(thread?.row.last_message)) return
    if (row && this.store.connected) this.store.tell(() => taken(why, by?.name, name()))
    const isOpen = this.store.openId === id
    // Who may read on goes on reading.
    if (isOpen && (this.isSupervisor || (why === 'closed' && !by))) return void this.store.threads.fetch(id)
    if (isOpen) this.store.closeThread()
    this.store.threads.drop(id)
  }

  /** A row of mine has changed: is it new to me, or over? To be called before it is held. */
  updated(row: Conversation): void {
    const { queue } = row
    if (!queue) return
    const isMe = queue.claimed_by?.extension === this.store.me.extension
    const wasMine = this.#doing.has(row.id) || this.store.threads.get(row.id)?.isMine
    if (row.joined && isMe && queue.state === 'claimed') {
      if (this.store.connected) this.queues.holds(queue.id, 1)
    } else if (queue.state === 'closed') {
      this.#doing.delete(row.id)
      if (wasMine && this.store.connected) this.queues.holds(queue.id, -1)
      else this.queues.turn++
    }
  }

  /** It is not mine any more. Answers what to say of it, if it is news. */
  removed(id: string, why: string): (() => string) | null {
    const { queue } = this.store.threads.get(id)?.row ?? {}
    const isMyDoing = this.#doing.delete(id)
    if (!queue) void this.queues.refresh()
    else if (this.store.connected) this.queues.holds(queue.id, -1)
    if (isMyDoing || !queue) return null
    const name = this.#name(id)
    if (why === 'transferred') return () => `The conversation with ${name()} was transferred`
    const isLate = queue.deadline && Date.parse(queue.deadline) <= engineNow() + APART
    return () => `The conversation with ${name()} is back in the queue${isLate ? ': no reply in time' : ''}`
  }

  /** Somebody gave me one of theirs. */
  async heard(message: Message): Promise<void> {
    const { conversation: id, created_at, event } = message
    if (event?.name !== 'transferred' || !this.#isToMe(message)) return
    const { name: by } = event.by
    if (!this.store.threads.get(id)) await this.store.threads.fetch(id)
    const name = this.#name(id)
    const words = (): string => `${by} transferred the conversation with ${name()} to you`
    this.store.tell(words)
    this.store.alerts.text({
      id: `${id} ${created_at}`,
      conversation: id,
      from: () => by,
      text: words(),
      isLive: this.store.connected,
      isSeen: () => false,
      isRead: () => false,
    })
  }

  /** Whether somebody else has handed me what this is said in. */
  #isToMe(message: Message | null | undefined): boolean {
    const { extension: me } = this.store.me
    const event = message?.event
    return event?.name === 'transferred' && event.to.extension === me && event.by.extension !== me
  }

  /** One more waits: the tone, and a notification. What I released myself is no news. */
  #alert(row: Conversation, isLive: boolean): void {
    const { id, last_message: last, queue } = row
    const event = last?.event
    if (event?.name === 'released' && event.by?.extension === this.store.me.extension) return
    const name = this.#name(id)
    this.store.alerts.text({
      id: `${id} ${queue?.waiting_since ?? ''}`,
      conversation: id,
      from: () => `${name()} in ${queue?.name ?? 'the queue'}`,
      text: last ? summary(last) : exactly(row.last_activity_at),
      isLive,
      isSeen: () => document.hasFocus() && !document.hidden && this.store.openId === id,
      isRead: () => !this.queues.waits(id),
    })
  }
}

const of = (id: string) => ({ params: { path: { id } } })

function taken(why: QueueTaken['reason'], by: string | undefined, name: string): string {
  if (why === 'closed') return by ? `${by} closed the conversation with ${name}` : `Nobody was available for ${name}: see Missed`
  return `${by ?? 'Somebody'} ${why === 'claimed' ? 'claimed' : 'transferred'} the conversation with ${name}`
}
