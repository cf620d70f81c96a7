// What the engine is told of my attention: that I am here, how far I have read, that I type.
import type { ClientFrame } from './api/http'
import type { Thread } from './thread.svelte'

/** At most one word of my typing in this time. */
const TYPING_EVERY = 3_000

export class Attention {
  #read = new Map<string, number>() // by conversation: how far I have said that I have read
  #typed = new Map<string, number>() // by conversation: when I last said that I type

  constructor(private readonly send: (frame: ClientFrame) => boolean) {}

  active(active: boolean): void {
    this.send({ type: 'active', active })
  }

  /** The person has seen all of this conversation. */
  read(thread: Thread): void {
    const seq = thread.row.last_seq
    if (thread.unread === 0 || this.hasRead(thread.id, seq)) return
    if (this.send({ type: 'read', conversation: thread.id, seq })) this.#read.set(thread.id, seq)
  }

  /** Whether I have said that I have read this far. */
  hasRead(conversation: string, seq: number): boolean {
    return (this.#read.get(conversation) ?? 0) >= seq
  }

  typing(conversation: string): void {
    if (Date.now() - (this.#typed.get(conversation) ?? 0) < TYPING_EVERY) return
    if (this.send({ type: 'typing', conversation })) this.#typed.set(conversation, Date.now())
  }

  /** What I typed is written. */
  wrote(conversation: string): void {
    this.#typed.delete(conversation)
  }

  /** The stream is live: what was said before may not have arrived. */
  online(): void {
    this.#read.clear()
    this.active(!document.hidden)
  }
}
