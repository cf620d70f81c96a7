// What was said with the same customer before: the pair's closed conversations, the newest first, each read when it is opened.
import { http, reason, type Conversation, type Message } from './api/http'

const PAGE = 20
const TEXTS = 100

/** One of them; its messages once it was opened. */
export class Past {
  isOpen = $state(false)
  messages = $state.raw<readonly Message[] | null>(null)
  /** Whether its beginning is there. */
  complete = $state(false)
  refusal = $state('')

  constructor(readonly row: Conversation) {}

  toggle(): void {
    this.isOpen = !this.isOpen
    if (this.isOpen && !this.messages) void this.more()
  }

  /** Its newest messages, or those before. */
  async more(): Promise<void> {
    const first = this.messages?.[0]?.seq
    const query = { limit: TEXTS, ...(first === undefined ? {} : { before_seq: first }) }
    const params = { path: { id: this.row.id }, query }
    const { data, error } = await http.GET('/v1/conversations/{id}/messages', { params })
    this.refusal = data ? '' : reason(error)
    if (!data) return
    this.messages = [...data.items, ...(this.messages ?? [])]
    this.complete = !data.next
  }
}

export class EarlierOnes {
  /** The newest first. */
  list = $state.raw<readonly Past[]>([])
  next = $state<string | null>(null)

  constructor(private readonly id: string) {
    void this.more()
  }

  async more(): Promise<void> {
    const query = { limit: PAGE, ...(this.next === null ? {} : { after: this.next }) }
    const params = { path: { id: this.id }, query }
    const { data } = await http.GET('/v1/conversations/{id}/earlier', { params })
    if (!data) return
    this.list = [...this.list, ...data.items.map((row) => new Past(row))]
    this.next = data.next ?? null
  }
}
