// An engine whose carrier speaks Twilio's API, and Jake, who texts from its number.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Engine, password } from '../engine'
import { ACCOUNT, Carrier, TOKENS, type Submitted } from './carrier'
import { news, signed, textIn, type Form, type Webhook } from './webhook'

export const OURS = '+14045550100'
export const INBOUND = '/v1/carriers/main/inbound'

export interface Delivery {
  number: string
  our_number: string | null
  status: string
  attempt: number
  segments: number
  error: { source: string; code: string; message: string; remedy: string } | null
}

export interface Message {
  seq: number
  text: string
  direction: string
  deliveries: Delivery[]
  attachments: { content_type: string; state: string; size: number | null; url: string | null }[]
}

/** A text of Jake's: where it stands, and to whom it goes. */
export interface Sent {
  conversation: string
  seq: number
  number: string
}

export class Office {
  #customers = 0

  private constructor(
    readonly engine: Engine,
    readonly carrier: Carrier,
    /** What Twilio was told is our address. */
    readonly publicUrl: string,
    readonly jake: string,
  ) {}

  static async open(publicUrl?: string): Promise<Office> {
    const [engine, carrier] = await Promise.all([Engine.start(), Carrier.open()])
    const config = join(engine['folder'], 'partyline.toml')
    if (publicUrl) writeFileSync(config, readFileSync(config, 'utf8').replace(/public_url = ".*"/, `public_url = "${publicUrl}"`))
    const tokens = TOKENS.map((token) => `"${token}"`).join(', ')
    appendFileSync(
      config,
      `[carriers.main]\nkind = "twilio"\naccount_sid = "${ACCOUNT}"\nauth_token = [${tokens}]\nbase_url = "${carrier.url}"\npace_per_s = 1000\n`,
    )
    await engine.restart()
    const { token } = await engine.call('', 'POST', '/v1/login', { extension: '201', password: password('201') })
    const office = new Office(engine, carrier, publicUrl ?? engine.url, token as string)
    await office.assign('201', OURS)
    return office
  }

  async close(): Promise<void> {
    await this.engine.stop()
    await this.carrier.close()
  }

  /** Somebody who was never heard of. */
  customer(): string {
    return `+1404555${1_000 + this.#customers++}`
  }

  pbx = (method: string, path: string, body?: object): Promise<any> => this.engine.call(this.engine['key'], method, `/v1/pbx/${path}`, body)
  api = (method: string, path: string, body?: object): Promise<any> => this.engine.call(this.jake, method, `/v1/${path}`, body)

  /** An extension has this number of ours, and what comes to it unasked. */
  async assign(extension: string, number: string): Promise<void> {
    await this.pbx('PUT', `numbers/${number}`, { sms_enabled: true, carrier: 'main', extension })
    const { items } = await this.pbx('GET', 'numbers')
    const mine = (items as { number: string; extension?: string }[]).filter((one) => one.extension === extension)
    await this.pbx('PUT', `extensions/${extension}`, { name: 'Jake Miller', caller_ids: mine.map((one) => one.number) })
  }

  // Jake

  async thread(number: string): Promise<string> {
    return (await this.api('POST', 'conversations', { kind: 'sms', number })).id as string
  }

  async send(number: string, text: string): Promise<Sent> {
    return this.sendIn(await this.thread(number), number, text)
  }

  async sendIn(conversation: string, number: string, text: string): Promise<Sent> {
    const body = { client_id: crypto.randomUUID(), text }
    const { seq } = await this.api('POST', `conversations/${conversation}/messages`, body)
    return { conversation, seq: seq as number, number }
  }

  retry({ conversation, seq, number }: Sent, attempt: number): Promise<Message> {
    return this.api('POST', `conversations/${conversation}/messages/${seq}/retry`, { number, attempt })
  }

  async delivery({ conversation, seq, number }: Sent): Promise<Delivery | undefined> {
    const { items } = await this.api('GET', `conversations/${conversation}/messages?after_seq=${seq - 1}&limit=1`)
    return (items as Message[])[0]?.deliveries.find((delivery) => delivery.number === number)
  }

  /** What stands in Jake's threads with this number, one list for each thread. */
  async threads(number: string): Promise<Message[][]> {
    const found: string[] = []
    for (let next = ''; ; ) {
      const page = await this.api('GET', `conversations?limit=200${next && `&after=${encodeURIComponent(next)}`}`)
      found.push(...(page.items as { id: string; number?: string }[]).filter((row) => row.number === number).map((row) => row.id))
      if (!page.next) break
      next = page.next as string
    }
    return Promise.all(found.map(async (id) => (await this.api('GET', `conversations/${id}/messages?limit=200`)).items as Message[]))
  }

  /** All texts in Jake's threads with this number. */
  async texts(number: string): Promise<string[]> {
    return (await this.threads(number)).flat().map((message) => message.text)
  }

  /** How we know that this number wants no texts. */
  async consents(number: string): Promise<{ our_number: string; source: string }[]> {
    const { items } = await this.pbx('GET', 'consents?limit=200')
    return (items as { number: string; our_number: string; source: string }[])
      .filter((one) => one.number === number)
      .map(({ our_number, source }) => ({ our_number, source }))
  }

  async deadLetters(holding: string): Promise<{ id: string; kind: string; reason: string; body: string; content_type: string }[]> {
    const { items } = await this.pbx('GET', 'dead-letters?limit=200')
    return (items as { id: string; kind: string; reason: string; body: string; content_type: string }[]).filter((letter) =>
      letter.body.includes(holding),
    )
  }

  // Twilio

  /** As it arrives, whatever address was signed. */
  post({ path, headers, body }: Webhook): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.engine.port}${path}`, { method: 'POST', headers, body })
  }

  signed(path: string, form: Form, { token, url }: { token?: string; url?: string } = {}): Webhook {
    return signed(path, form, { url: url ?? this.publicUrl + path, token: token ?? TOKENS[0] })
  }

  /** A customer texts in, and Twilio is told that all is well. */
  async receive(from: string, body: string, more: Form = {}): Promise<void> {
    await this.isTaken(this.signed(INBOUND, textIn(from, more.To?.toString() ?? OURS, body, more)))
  }

  /** News of a text, at the address that came with it. */
  async calls({ sid, form, to, callback }: Submitted, status: string, errorCode?: string): Promise<void> {
    const fields = news(sid, form.get('From') ?? '', to, status, errorCode)
    await this.isTaken(this.signed(callback.slice(this.publicUrl.length), fields, { url: callback }))
  }

  async isTaken(webhook: Webhook): Promise<void> {
    const answer = await this.post(webhook)
    if (answer.status !== 200) throw new Error(`${webhook.path} ${webhook.body}: ${answer.status} ${await answer.text()}`)
  }
}
