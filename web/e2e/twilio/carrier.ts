// Where texts go in these tests: a server at which Twilio's own description judges each request first (by Prism, which
// refuses what Twilio would refuse), and which then answers as a test wants it to.
import { createLogger } from '@stoplight/prism-core'
import { createInstance, getHttpOperationsFromSpec, ProblemJsonError, type IHttpRequest } from '@stoplight/prism-http'
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export const ACCOUNT = `AC${'0123456789abcdef'.repeat(2)}`
/** The first one sends; either may have signed what comes. */
export const TOKENS = ['token-new', 'token-old'] as const
export const CREDENTIALS = `Basic ${Buffer.from(`${ACCOUNT}:${TOKENS[0]}`).toString('base64')}`

/** A text that was handed over. */
export interface Submitted {
  /** What Twilio calls it. */
  sid: string
  to: string
  form: URLSearchParams
  headers: IncomingMessage['headers']
  /** Where its callbacks go, and what of that is the attempt's name. */
  callback: string
  attempt: string
  at: number
}

export interface Reply {
  status: number
  body: object
  headers?: Record<string, string>
}

/** What becomes of a text: an answer, or none. */
export type Answer = (text: Submitted) => Promise<Reply | 'lost'> | Reply | 'lost'

/** Twilio's description, ready to judge a request: what it is answered if it is valid, else what is wrong with it. */
async function judge(): Promise<(request: IHttpRequest) => Promise<Reply & { isValid: boolean }>> {
  const operations = await getHttpOperationsFromSpec(join(import.meta.dirname, 'messages.json'))
  const rules = { checkSecurity: true, validateRequest: true, validateResponse: true, errors: true }
  const config = { ...rules, mock: { dynamic: false }, isProxy: false as const, upstreamProxy: undefined }
  const prism = createInstance(config, { logger: createLogger('prism', { level: 'silent' }) })
  return async (request) => {
    const verdict = await prism.request(request, operations)()
    if (verdict._tag === 'Right') {
      const { output, validations } = verdict.right
      const isValid = output.statusCode === 201 && validations.input.length === 0
      return { isValid, status: output.statusCode, body: output.body as object }
    }
    const problem = ProblemJsonError.toProblemJson(verdict.left)
    return { isValid: false, status: problem.status, body: problem }
  }
}

export const newSid = (kind: 'SM' | 'MM' | 'ME'): string => kind + randomBytes(16).toString('hex')

/** As Twilio says no. */
export const refuses =
  (status: number, code: number, message: string, headers: Record<string, string> = {}): Answer =>
  () => ({ status, headers, body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status } })

export const loses: Answer = () => 'lost'

export class Carrier {
  /** All that was handed over, in order. */
  readonly submitted: Submitted[] = []
  /** What Prism refused. */
  readonly invalid: string[] = []
  /** Files that are here, by their path. */
  readonly files = new Map<string, { type: string; bytes: Buffer }>()
  #answers = new Map<string, Answer[]>()
  /** A text as Twilio's description shows one. */
  #example: object = {}

  private constructor(
    private readonly judge: (request: IHttpRequest) => Promise<Reply & { isValid: boolean }>,
    private readonly server: Server,
  ) {}

  static async open(): Promise<Carrier> {
    const server = createServer((request, response) => {
      carrier.#take(request, response).catch((error: unknown) => {
        carrier.invalid.push(String(error))
        response.destroy()
      })
    })
    const carrier = new Carrier(await judge(), server)
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    return carrier
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** How the next texts to this number are answered, one each; those after them are taken. */
  answers(to: string, ...answers: Answer[]): void {
    this.#answers.set(to, answers)
  }

  /** What was handed over for this number. */
  to(number: string): Submitted[] {
    return this.submitted.filter((text) => text.to === number)
  }

  /** As Twilio says yes. */
  takes = (text: Submitted, said: object = {}): Reply => ({
    status: 201,
    body: { ...this.#example, sid: text.sid, account_sid: ACCOUNT, to: text.to, body: text.form.get('Body'), status: 'queued', ...said },
  })

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((done) => this.server.close(done))
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '', headers } = request
    if (method === 'GET') return this.#serve(url, headers.authorization, response)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString()
    const asked = { method: method?.toLowerCase() as 'post', url: { path: url }, headers: headers as Record<string, string>, body }
    const verdict = await this.judge(asked)
    if (!verdict.isValid) {
      this.invalid.push(`${method} ${url} ${body}: ${JSON.stringify(verdict.body)}`)
      return answer(response, verdict)
    }
    this.#example = verdict.body
    const form = new URLSearchParams(body)
    const [to, callback] = [form.get('To') ?? '', form.get('StatusCallback') ?? '']
    const attempt = callback.split('/').at(-1) ?? ''
    const text = { sid: newSid('SM'), to, form, headers, callback, attempt, at: Date.now() }
    this.submitted.push(text)
    const reply = await (this.#answers.get(to)?.shift() ?? this.takes)(text)
    if (reply === 'lost') request.socket.destroy()
    else answer(response, reply)
  }

  /** Files need our credentials, and are elsewhere, as with Twilio. */
  #serve(url: string, authorization: string | undefined, response: ServerResponse): void {
    const file = this.files.get(url.replace(/^\/store/, ''))
    if (!file) response.writeHead(404).end()
    else if (authorization !== CREDENTIALS) response.writeHead(401).end()
    else if (!url.startsWith('/store')) response.writeHead(307, { location: `/store${url}` }).end()
    else response.writeHead(200, { 'content-type': file.type }).end(file.bytes)
  }
}

function answer(response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}
