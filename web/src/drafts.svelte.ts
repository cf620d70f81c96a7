// What is written and not sent, as the composers keep it: by conversation, in this browser.
import type { Me } from './api/http'

let turn = $state(0)
addEventListener('storage', (event) => {
  if (event.key === null || event.key.startsWith('partyline.draft.')) turn++
})

/** The draft for a conversation; it is looked up anew when another tab has changed one. */
export function draftOf(me: Me, conversation: string): string {
  void turn
  return localStorage.getItem(`partyline.draft.${me.tenant}.${me.extension}.${conversation}`)?.trim() ?? ''
}
