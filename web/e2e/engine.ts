// A real engine on a free port, with a folder of its own.
import type { Page } from '@playwright/test'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const BINARY = resolve(import.meta.dirname, '..', process.env.PARTYLINE_BIN ?? '../target/debug/partyline')

/** Who works here. Everybody's password is `secret-` and the number. */
export const NAMES = { '201': 'Jake Miller', '202': 'Ann Lee', '203': 'Omar Haddad', '204': 'Zoë Brandt' } as const
export type Number = keyof typeof NAMES
/** The company's phone numbers. */
export const MAIN = '+14045550100'
export const SALES = '+14045550101'
/** The numbers that feed queues. */
export const SUPPORT = '+14045550110'
export const BILLING = '+14045550111'
/** How the simulator misbehaves: the settings of `[carriers.sim.knobs]`. */
export type Knobs = Record<string, number | boolean>
/** A picture of one pixel. */
export const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='

/** A picture to look at, as a phone would send it. */
export const picture = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 480 })
    const brush = canvas.getContext('2d')!
    const sky = brush.createLinearGradient(0, 0, 0, 480)
    for (const [at, colour] of [[0, '#f6b26b'], [0.6, '#cc4125'], [1, '#4c1130']] as const) sky.addColorStop(at, colour)
    brush.fillStyle = sky
    brush.fillRect(0, 0, 640, 480)
    brush.fillStyle = '#2b0a1d'
    brush.fillRect(220, 150, 200, 230)
    return canvas.toDataURL('image/png')
  })

export const password = (number: string): string => `secret-${number}`

export class Engine {
  #child: ChildProcess | null = null

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly key: string,
  ) {}

  /**
   * With `limits`, it takes as much at once as a test that fills it wants to give. Its texts go to the simulator; `sections`
   * are more of its configuration, other carriers' for one.
   */
  static async start({ limits = false, knobs = {}, sections = '' }: { limits?: boolean; knobs?: Knobs; sections?: string } = {}): Promise<Engine> {
    const folder = mkdtempSync(join(tmpdir(), 'partyline-e2e-'))
    const port = await freePort()
    const config = join(folder, 'partyline.toml')
    writeFileSync(
      config,
      `listen = "127.0.0.1:${port}"\npublic_url = "http://localhost:${port}"\ndatabase_url = "sqlite://${folder}/p.db?mode=rwc"\n` +
        '[carriers.sim]\nkind = "simulator"\npace_per_s = 1000\n[carriers.sim.knobs]\n' +
        Object.entries(knobs).map(([knob, value]) => `${knob} = ${value}\n`).join('') +
        (limits ? '[limits]\nsends_per_s = 100000\nsends_burst = 100000\nframes_per_s = 100000\nframes_burst = 100000\n' : '') +
        sections,
    )
    const said = execFileSync(BINARY, ['api-key', 'create', '--tenant', 'default', '--scope', 'pbx', '--config', config], {
      env: environment(),
      encoding: 'utf8',
    })
    const engine = new Engine(port, folder, said.trim().split(/\s+/).at(-1) ?? '')
    await engine.run()
    for (const number of Object.keys(NAMES)) await engine.provision(number)
    return engine
  }

  get url(): string {
    return `http://localhost:${this.port}`
  }

  get log(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8')
  }

  /** Starts it, on the same port and database as before. */
  async run(): Promise<void> {
    const log = openSync(join(this.folder, 'log'), 'a')
    const child = spawn(BINARY, ['serve', '--config', join(this.folder, 'partyline.toml')], {
      env: environment(),
      stdio: ['ignore', log, log],
    })
    this.#child = child
    const until = Date.now() + 20_000
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${this.port}/readyz`).catch(() => null)
      if (answer?.ok) return
      if (child.exitCode !== null || Date.now() > until) throw new Error(`the engine does not start:\n${this.log}`)
      await new Promise((done) => setTimeout(done, 50))
    }
  }

  /** `SIGTERM` stops it as an operator does; `SIGKILL` is what a power cut does. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    this.#child = null
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((done) => child.once('exit', done))
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
    child.kill(signal)
    await ended
    clearTimeout(late)
  }

  kill = (): Promise<void> => this.end('SIGKILL')

  async restart(): Promise<void> {
    await this.end('SIGTERM')
    await this.run()
  }

  /** For good. */
  async stop(): Promise<void> {
    await this.end('SIGTERM')
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** What the PBX says of an extension. */
  async provision(number: string, said: { name?: string; enabled?: boolean; caller_ids?: string[]; phonebooks?: string[]; role?: 'supervisor' } = {}): Promise<void> {
    const body = { name: NAMES[number as Number], password: password(number), ...said }
    await this.call(this.key, 'PUT', `/v1/pbx/extensions/${number}`, body)
  }

  /** An extension that nobody signs in with: without a password it costs nothing. */
  async provisionBare(number: string, name: string): Promise<void> {
    await this.call(this.key, 'PUT', `/v1/pbx/extensions/${number}`, { name })
  }

  // SMS

  /** One of the company's phone numbers, as the PBX says it. */
  async number(number: string, label: string, said: { sms_enabled?: boolean; extension?: string; queue?: string; carrier?: string } = {}): Promise<void> {
    const body = { carrier: 'sim', label, sms_enabled: true, ...said }
    await this.call(this.key, 'PUT', `/v1/pbx/numbers/${encodeURIComponent(number)}`, body)
  }

  /** Jake has the main line and the sales line, Ann the sales line; nobody else has a number. */
  async telephones(): Promise<void> {
    await this.number(MAIN, 'Main line')
    await this.number(SALES, 'Sales')
    await this.provision('201', { caller_ids: [MAIN, SALES] })
    await this.provision('202', { caller_ids: [SALES] })
  }

  /** Whatever else the PBX says. */
  async pbx(method: 'PUT' | 'GET' | 'DELETE' | 'PATCH' | 'POST', path: string, body?: unknown): Promise<any> {
    return this.call(this.key, method, path, body)
  }

  /** A queue as the PBX says it; answers its id. */
  async queue(key: string, name: string, members: Number[], said: QueueSettings = {}): Promise<string> {
    return (await this.call(this.key, 'PUT', `/v1/pbx/queues/${key}`, { name, members, ...said })).id as string
  }

  /** Support, where Jake, Ann and Omar work, and billing, where Omar does; each is fed by a number of its own. */
  async queues(said: QueueSettings = {}): Promise<{ support: string; billing: string }> {
    const support = await this.queue('support', 'SMS Support Queue', ['201', '202', '203'], said)
    const billing = await this.queue('billing', 'Billing Queue', ['203'])
    await this.number(SUPPORT, 'Support', { queue: 'support' })
    await this.number(BILLING, 'Billing', { queue: 'billing' })
    return { support, billing }
  }

  // Contacts

  /** A phonebook and all who are in it: a name and the numbers of each. */
  async phonebook(key: string, name: string, source: 'manual' | 'crm' | 'cnam', people: Record<string, string | string[]>): Promise<void> {
    await this.pbx('PUT', `/v1/pbx/phonebooks/${key}`, { name, source })
    const contacts = Object.entries(people).map(([name, numbers], i) => ({ key: `${i + 1}`, name, numbers: [numbers].flat() }))
    await this.pbx('PUT', `/v1/pbx/phonebooks/${key}/contacts`, contacts)
  }

  /** Somebody in a phonebook is called otherwise, or has other numbers. `key` counts from 1, as they were given. */
  async contact(book: string, key: string, name: string, ...numbers: string[]): Promise<void> {
    await this.pbx('PATCH', `/v1/pbx/phonebooks/${book}/contacts`, [{ key, name, numbers }])
  }

  /** Somebody called in. */
  async called(key: string, extension: Number, number: string, caller_name?: string): Promise<void> {
    const call = { key, extension, direction: 'inbound', number, at: new Date().toISOString(), ...(caller_name ? { caller_name } : {}) }
    await this.pbx('POST', '/v1/pbx/calls', [call])
  }

  /** Another company on the same engine; answers its key. */
  tenant(name: string): string {
    const config = join(this.folder, 'partyline.toml')
    const said = execFileSync(BINARY, ['api-key', 'create', '--tenant', name, '--scope', 'pbx', '--config', config], {
      env: environment(),
      encoding: 'utf8',
    })
    return said.trim().split(/\s+/).at(-1) ?? ''
  }

  /** A customer texts in. Answered after the commit. */
  async text(from: string, text: string, { to = MAIN, media = [] }: { to?: string; media?: string[] } = {}): Promise<void> {
    await this.call('', 'POST', '/v1/simulator/messages', { from, to, text, media })
  }

  /** What that customer's phone has received. */
  async received(number: string): Promise<string[]> {
    const { items } = await this.call('', 'GET', `/v1/simulator/messages?number=${encodeURIComponent(number)}`)
    return (items as { text: string }[]).map((t) => t.text)
  }

  /** What the PBX sets for the company. */
  async settings(said: Record<string, unknown>): Promise<void> {
    await this.call(this.key, 'PUT', '/v1/pbx/settings', said)
  }

  /** Somebody who uses the HTTP API instead of the portal. */
  async client(number: string): Promise<Client> {
    const { token } = await this.call('', 'POST', '/v1/login', { extension: number, password: password(number) })
    return new Client(this, token as string)
  }

  async call(token: string, method: string, path: string, body?: unknown): Promise<any> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const said = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${said}`)
    return said ? JSON.parse(said) : null
  }
}

/** What an administrator sets for a queue. */
export interface QueueSettings {
  idle_timeout_s?: number
  unclaimed_timeout_s?: number
  timeout_response?: string
}

export class Client {
  constructor(
    private readonly engine: Engine,
    private readonly token: string,
  ) {}

  call(method: string, path: string, body?: unknown): Promise<any> {
    return this.engine.call(this.token, method, path, body)
  }

  /** Writes to a colleague, one text after the other; answers the conversation's id. */
  async say(to: string, ...texts: string[]): Promise<string> {
    const { id } = await this.engine.call(this.token, 'POST', '/v1/conversations', { kind: 'direct', extension: to })
    for (const text of texts) {
      const body = { client_id: crypto.randomUUID(), text }
      await this.engine.call(this.token, 'POST', `/v1/conversations/${id}/messages`, body)
    }
    return id as string
  }

  /** A new group of colleagues and numbers outside; answers its id. */
  async group(name: string, ...members: string[]): Promise<string> {
    const numbers = members.filter((m) => m.startsWith('+'))
    const extensions = members.filter((m) => !m.startsWith('+'))
    const body = { kind: 'group', client_id: crypto.randomUUID(), name, extensions, numbers }
    return (await this.engine.call(this.token, 'POST', '/v1/conversations', body)).id as string
  }

  /** Writes in a group. */
  async sayIn(group: string, ...texts: string[]): Promise<void> {
    const id = await this.idOf(group)
    for (const text of texts) {
      await this.engine.call(this.token, 'POST', `/v1/conversations/${id}/messages`, { client_id: crypto.randomUUID(), text })
    }
  }

  // Queues

  /** In a queue: logged in or out, or paused for a reason. */
  async agent(queue: string, logged_in = true, pause_reason: string | null = null): Promise<void> {
    const body = { logged_in, paused: pause_reason !== null, pause_reason }
    await this.engine.call(this.token, 'PUT', `/v1/queues/${queue}/agent`, body)
  }

  /** Those where they work. */
  async queues(): Promise<{ id: string; name: string }[]> {
    return (await this.engine.call(this.token, 'GET', '/v1/queues')).items
  }

  /** Does something with the conversation of a queue that a customer is in. */
  async step(queue: string, customer: string, step: 'claim' | 'release' | 'close' | 'transfer', body: object = {}): Promise<string> {
    const rows: { id: string; number: string }[] = []
    for (const state of ['waiting', 'claimed']) {
      rows.push(...(await this.engine.call(this.token, 'GET', `/v1/queues/${queue}/conversations?state=${state}`)).items)
    }
    const id = rows.find((row) => row.number === customer)?.id
    if (!id) throw new Error(`${customer} is not in the queue`)
    await this.engine.call(this.token, 'POST', `/v1/conversations/${id}/${step}`, body)
    return id
  }

  /** Writes in a conversation. */
  async write(id: string, text: string): Promise<void> {
    await this.engine.call(this.token, 'POST', `/v1/conversations/${id}/messages`, { client_id: crypto.randomUUID(), text })
  }

  async rename(group: string, name: string): Promise<void> {
    await this.engine.call(this.token, 'PATCH', `/v1/conversations/${await this.idOf(group)}`, { name })
  }

  async add(group: string, ...extensions: string[]): Promise<void> {
    await this.engine.call(this.token, 'POST', `/v1/conversations/${await this.idOf(group)}/participants`, { extensions })
  }

  /** Removes somebody from a group; `me` leaves it. */
  async remove(group: string, who: string): Promise<void> {
    await this.engine.call(this.token, 'DELETE', `/v1/conversations/${await this.idOf(group)}/participants/${who}`)
  }

  /** All there is in a group's timeline. */
  async timeline(group: string): Promise<string[]> {
    const { items } = await this.engine.call(this.token, 'GET', `/v1/conversations/${await this.idOf(group)}/messages?limit=200`)
    return (items as { text: string }[]).map((m) => m.text)
  }

  async idOf(group: string): Promise<string> {
    const { items } = await this.engine.call(this.token, 'GET', `/v1/conversations?q=${encodeURIComponent(group)}`)
    const found = (items as { id: string; name: string }[]).find((row) => row.name === group)
    if (!found) throw new Error(`no conversation ${group}`)
    return found.id
  }

  /** All texts of the chat with a colleague, as the engine has them. */
  async texts(other: string): Promise<string[]> {
    const { id } = await this.engine.call(this.token, 'POST', '/v1/conversations', { kind: 'direct', extension: other })
    const { items } = await this.engine.call(this.token, 'GET', `/v1/conversations/${id}/messages?limit=200`)
    return (items as { text: string }[]).map((m) => m.text)
  }
}

/** Ours, without what is set for other engines: each variable with its prefix would be a setting. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PARTYLINE_')))
}

/** Below the ports that the system gives to whoever connects: it might be somebody's by the time the engine starts. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const server = createServer().listen(port, '127.0.0.1')
    const free = await new Promise<boolean>((done) => {
      server.once('listening', () => done(true))
      server.once('error', () => done(false))
    })
    if (!free) continue
    await new Promise((done) => server.close(done))
    return port
  }
}
