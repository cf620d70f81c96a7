// Who may be handed a queue's conversation: its other agents, as available as they are, and the other queues.
import { http, reason, type QueueAgent, type QueueName } from './api/http'
import type { Store } from './store.svelte'
import type { Thread } from './thread.svelte'

export interface Taker {
  extension: string
  name: string
  /** Why not; empty for who is available. */
  why: string
}

interface Takers {
  people: Taker[]
  queues: QueueName[]
  refusal: string
}

/** Asks for them; whoever calls the answer hears no more of it. */
export function takers(store: Store, thread: Thread, found: (all: Takers) => void): () => void {
  let stale = false
  const read = async (): Promise<void> => {
    const { queue } = thread.row
    const holder = queue?.state === 'claimed' ? queue.claimed_by?.extension : undefined
    const [{ data, error }] = await Promise.all([
      http.GET('/v1/queues', { params: { query: { all: true } } }),
      store.desk.queues.refresh(),
    ])
    const agents = queue && store.desk.queues.get(queue.id)?.agents
    const people = agents ? agents.map(taker) : await everybody()
    if (stale) return
    found({
      people: people.filter((p) => p.extension !== holder).sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name)),
      queues: ((data?.items ?? []) as QueueName[]).filter((one) => one.id !== queue?.id),
      refusal: data ? '' : reason(error),
    })
  }
  void read()
  return () => (stale = true)
}

const rank = ({ why }: Taker): number => Number(why !== '')

function taker({ extension, name, logged_in, paused, pause_reason }: QueueAgent): Taker {
  const why = !logged_in ? 'logged out' : paused ? (pause_reason ? `paused: ${pause_reason}` : 'paused') : ''
  return { extension, name, why }
}

/** A supervisor of a queue that is not theirs doesn't know its agents: the engine says who can't take it. */
async function everybody(): Promise<Taker[]> {
  const { data } = await http.GET('/v1/extensions', { params: { query: { limit: 200 } } })
  return (data?.items ?? []).map(({ extension, name }) => ({ extension, name, why: '' }))
}
