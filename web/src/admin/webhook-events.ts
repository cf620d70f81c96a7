/** What a webhook can ask for, by the protocol's names. */
export const EVENTS = [
  'message.created',
  'message.updated',
  'conversation.updated',
  'conversation.removed',
  'read.advanced',
  'queue.updated',
  'agent.updated',
  'voice_agent.requested',
  'voice_queue.updated',
  'extension.updated',
  'number.updated',
  'consent.updated',
  'settings.updated',
  'unrouted.updated',
] as const
