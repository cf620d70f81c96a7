// What of a message may have to be heard: a text of somebody else's.
import type { Heard } from './alerts.svelte'
import type { Message } from './api/http'
import { summary } from './format'
import type { Store } from './store.svelte'
import { extensionOf } from './who'

/** None of my own, and nothing that nobody wrote. */
export function heard(store: Store, message: Message): Heard | null {
  const { conversation, seq, from } = message
  if (!from || message.kind !== 'text' || extensionOf(from) === store.me.extension) return null
  const isRead = (): boolean => (store.threads.get(conversation)?.myRead.seq ?? 0) >= seq
  const isLookedAt = (): boolean => document.hasFocus() && !document.hidden && store.openId === conversation
  return {
    id: message.id,
    conversation,
    from: () => {
      const name = store.names.ofWho(from)
      const thread = store.threads.get(conversation)
      return thread?.isGroup ? `${name} in ${thread.name}` : name
    },
    text: summary(message),
    isLive: store.connected,
    isSeen: () => isLookedAt() && (store.attention.hasRead(conversation, seq) || isRead()),
    isRead,
  }
}
