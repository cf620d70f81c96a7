// A conversation as it is held here.
import { SvelteMap } from 'svelte/reactivity'
import type { Conversation, Me, Message } from './api/http'

/** The engine's row, and its timeline as far as it was read. */
export class Thread {
  row = $state.raw() as Conversation
  /** By place, without gaps from `messages[0]` on. */
  messages = $state.raw<readonly Message[]>([])
  /** Whether the timeline reaches the newest message. */
  loaded = $state(false)
  /** Whether it reaches the first. */
  complete = $state(false)
  loading = false
  /** Who types, by number. */
  typing = new SvelteMap<string, number>()

  constructor(row: Conversation, private readonly me: Me) {
    this.row = row
  }

  get id(): string {
    return this.row.id
  }

  isGroup = $derived.by(() => this.row.kind === 'group')
  others = $derived.by(() => this.row.participants.filter((p) => p.extension !== this.me.extension))
  name = $derived.by(() => this.row.name ?? this.others.map((p) => p.name).join(', '))
  myRead = $derived.by(() => this.row.my_read ?? { seq: 0, text_no: 0 })
  unread = $derived.by(() => Math.max(0, this.row.text_count - this.myRead.text_no))
}
