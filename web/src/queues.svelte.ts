// My SMS queues: my state in each, who else works there, and who waits. The engine says it whole, and then what changes.
import { createContext } from 'svelte'
import { http, reason, type Conversation, type Queue, type QueueAgent } from './api/http'

/** My state in a queue, as I set it. */
export interface AgentState {
  logged_in: boolean
  paused: boolean
  pause_reason: string | null
}

/** A conversation that waits, and where. */
export interface WaitingOne {
  id: string
  queue: Queue
  row: Conversation
}

/** What has become of a conversation that waited. */
export interface Taken {
  queue: string
  conversation: string
}

/** Rows are held with all others. */
interface Rows {
  hold: (row: Conversation) => void
  held: (id: string) => Conversation | undefined
  claim: (id: string) => Promise<string | null>
}

/** So many that wait the engine tells at once: there may be more behind them. */
const TOLD = 200

export class Queues {
  all = $state.raw<readonly Queue[]>([])
  /** Changes with what I hold or closed: what was asked for about it is to be asked for again. */
  turn = $state(0)
  /** Changes when voice queues, or the names in them, may have changed. */
  voiceTurn = $state(0)
  /** Conversations that left a list while an answer was under way that may still have them. */
  #left = new Set<string>()
  #asking = 0

  constructor(private readonly desk: Rows) {}

  /** Those where I take conversations. */
  open = $derived(this.all.filter((queue) => queue.available))
  /** Who waits in any of them, the longest wait first. */
  waiting = $derived(
    this.open
      .flatMap((queue) => queue.waiting.map((row): WaitingOne => ({ id: row.id, queue, row: this.desk.held(row.id) ?? row })))
      // What I have claimed is mine before I am told that it waits no longer.
      .filter(({ row }) => row.queue?.state === 'waiting')
      .sort((a, b) => compare(since(a.row), since(b.row)) || compare(a.id, b.id)),
  )
  /** How many, with those that are not shown. */
  waitingCount = $derived(this.open.reduce((sum, queue) => sum + queue.waiting_count, 0))

  get(id: string): Queue | undefined {
    return this.all.find((queue) => queue.id === id)
  }

  /** Whether a conversation is on my list of those that wait. */
  waits(id: string): boolean {
    return this.open.some((queue) => queue.waiting.some((row) => row.id === id))
  }

  /** The queue of mine that a number of ours feeds, where I am available. */
  fedBy(number: string): Queue | undefined {
    return this.open.find((queue) => queue.numbers.includes(number))
  }

  // What I do

  /** Makes a conversation mine and opens it. Answers why not. */
  claim(id: string): Promise<string | null> {
    return this.desk.claim(id)
  }

  /** My state in a queue. Answers why not; how it is then is told to all my sessions. */
  async setAgent(id: string, state: AgentState): Promise<string | null> {
    const { error } = await http.PUT('/v1/queues/{id}/agent', { params: { path: { id } }, body: state })
    return error ? reason(error) : null
  }

  /** Asks for counts, agents, and who waits behind those that are known. */
  async refresh(): Promise<void> {
    if (this.#asking++ === 0) this.#left.clear()
    const { data } = await http.GET('/v1/queues')
    this.#asking--
    if (!data) return
    this.all = (data.items as Queue[]).map((queue) => {
      const known = this.get(queue.id)?.waiting ?? []
      const there = new Set(known.map((row) => row.id))
      const more = queue.waiting.filter((row) => !there.has(row.id) && !this.#left.has(row.id))
      for (const row of more) this.desk.hold(row)
      return { ...queue, waiting: queue.available ? [...known, ...more] : [] }
    })
  }

  // What the engine says

  /** All of it. Answers who waits that did not before, in queues that were open to me then. */
  told(queues: readonly Queue[]): Conversation[] {
    const open = new Set(this.open.map((queue) => queue.id))
    const news = queues.flatMap((q) => (open.has(q.id) ? q.waiting.filter((row) => !this.waits(row.id)) : []))
    for (const { waiting } of queues) for (const row of waiting) this.desk.hold(row)
    this.all = queues
    this.turn++
    return news
  }

  /** An agent has another name. */
  rename(extension: string, name: string): void {
    const renamed = (agent: QueueAgent) => (agent.extension === extension ? { ...agent, name } : agent)
    this.all = this.all.map((queue) => ({ ...queue, agents: queue.agents.map(renamed) }))
  }

  /** One waits, or its newest message is another. Answers whether it is new here. */
  comes(id: string, row: Conversation): boolean {
    const queue = this.get(id)
    if (!queue) return false
    this.desk.hold(row)
    const isNew = !queue.waiting.some((held) => held.id === row.id)
    const waiting = isNew ? [...queue.waiting, row] : queue.waiting.map((held) => (held.id === row.id ? row : held))
    this.#change({ ...queue, waiting, waiting_count: queue.waiting_count + Number(isNew) })
    return isNew
  }

  /** One waits no longer. Answers its row, if it was on my list. */
  goes({ queue: id, conversation }: Taken): Conversation | undefined {
    if (this.#asking > 0) this.#left.add(conversation)
    const queue = this.get(id)
    const row = queue?.waiting.find((held) => held.id === conversation)
    if (!queue) return undefined
    const waiting = queue.waiting.filter((held) => held !== row)
    const waiting_count = Math.max(waiting.length, queue.waiting_count - 1)
    this.#change({ ...queue, waiting, waiting_count })
    // Of a long queue's end nothing is known until there is room for it.
    if (queue.waiting_count > TOLD && waiting.length < TOLD / 2) void this.refresh()
    return row
  }

  /** I hold one more, or one less. */
  holds(id: string, by: 1 | -1): void {
    const queue = this.get(id)
    if (queue) this.#change({ ...queue, claimed_by_me: Math.max(0, queue.claimed_by_me + by) })
    this.turn++
  }

  /** A colleague came to a queue, went, or is available or not. */
  agent(id: string, agent: QueueAgent, member: boolean): void {
    const queue = this.get(id)
    if (!queue) return
    const others = queue.agents.filter((one) => one.extension !== agent.extension)
    const agents = member ? [...others, agent].sort((a, b) => a.name.localeCompare(b.name)) : others
    this.#change({ ...queue, agents })
  }

  #change(changed: Queue): void {
    this.all = this.all.map((queue) => (queue.id === changed.id ? changed : queue))
  }
}

/** Since when a conversation waits. */
export const since = (row: Conversation): string => row.queue?.waiting_since ?? row.last_activity_at

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The queues of who is signed in, for whatever the frame shows. */
export const [useQueues, giveQueues] = createContext<Queues>()
