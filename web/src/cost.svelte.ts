// What a text would cost by SMS, asked of the engine when somebody pauses in typing.
import { http, type SmsEstimate } from './api/http'

const PAUSE = 200

export class Cost {
  /** Of the newest text that was answered for. */
  estimate = $state.raw<SmsEstimate | null>(null)

  /** Asks for this text; whoever calls the answer doesn't want it any more. */
  of(text: string): () => void {
    let stale = false
    const ask = async (): Promise<void> => {
      const { data } = await http.POST('/v1/sms/estimate', { body: { text } })
      if (!stale && data) this.estimate = data
    }
    const timer = setTimeout(() => void ask(), PAUSE)
    if (text === '') this.estimate = null
    return () => {
      stale = true
      clearTimeout(timer)
    }
  }
}

/** What is said of a character that nobody would see. */
const UNSEEN: Record<string, string> = {
  '\t': 'A tab',
  '\u00a0': 'A no-break space',
  '\u200b': 'An invisible space',
  '\u200d': 'An invisible joiner',
  '\ufe0f': 'An emoji',
}

export const named = (character: string): string => UNSEEN[character] ?? character
