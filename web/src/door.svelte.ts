// Before signing in: whether the company has to be named, and which it was the last time.
import { http } from './api/http'

const KEY = 'partyline.company'
/** So long the form waits for the answer, in milliseconds: then it is shown as it was the last time. */
const PATIENCE = 600

export class Door {
  /** What was typed when somebody signed in here last. */
  readonly remembered = localStorage.getItem(KEY) ?? ''
  /** Whether there are several companies, and the address doesn’t tell which. */
  asks = $state(this.remembered !== '')
  /** The one that the address tells. */
  company = $state<string | null>(null)
  /** Whether the form can be shown without changing under the hands. */
  isKnown = $state(false)

  constructor() {
    void this.knock()
    setTimeout(() => (this.isKnown = true), PATIENCE)
  }

  async knock(): Promise<void> {
    const { data } = await http.GET('/v1/login')
    if (data) {
      this.asks = data.asks_company
      // A company alone on its engine needs no name.
      this.company = data.company === 'default' ? null : (data.company ?? null)
    }
    this.isKnown = true
  }

  remember(company: string): void {
    localStorage.setItem(KEY, company)
  }
}
