// The carrier that speaks Twilio's API, against Twilio's own tools: its OpenAPI description judges what we send, and its
// SDK signs what comes.
import { test as base, expect } from '@playwright/test'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getExpectedBodyHash, validateRequest, validateRequestWithBody } from 'twilio/lib/webhooks/webhooks.js'
import MessagingResponse from 'twilio/lib/twiml/MessagingResponse.js'
import { CREDENTIALS, loses, newSid, refuses, TOKENS, type Submitted } from './twilio/carrier'
import { INBOUND, Office, OURS, type Sent } from './twilio/office'
import { encoded, signedBySha256, textIn, type Form, type Webhook } from './twilio/webhook'

/** One office for all tests: each has customers of its own. */
const test = base.extend<{ isValid: void }, { office: Office }>({
  office: [
    async ({}, use) => {
      const office = await Office.open()
      await use(office)
      const attempts = office.carrier.submitted.map((text) => text.attempt)
      await office.close()
      expect(new Set(attempts).size, 'no attempt was ever handed over twice').toBe(attempts.length)
    },
    { scope: 'worker' },
  ],

  isValid: [
    async ({ office }, use, info) => {
      await use()
      expect(office.carrier.invalid, 'Twilio would have refused this').toEqual([])
      if (info.status !== info.expectedStatus) await info.attach('engine.log', { body: office.engine.log, contentType: 'text/plain' })
    },
    { auto: true },
  ],
})

/** What a test waits at until another part of it says so. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined
  const opened = new Promise<void>((done) => (open = done))
  return { opened, open }
}

/** Every order of these, each once. */
function orders<T>(items: T[]): T[][] {
  if (items.length < 2) return [items]
  const all = items.flatMap((first, i) => orders(items.filter((_, j) => j !== i)).map((rest) => [first, ...rest]))
  return [...new Map(all.map((order) => [order.join(), order])).values()]
}

const OPTED_OUT = { source: 'engine', code: 'opted_out' }

test.describe('Texts out:', () => {
  const stands = (office: Office, sent: Sent, as: Record<string, unknown>): Promise<void> =>
    expect.poll(() => office.delivery(sent), { timeout: 15_000 }).toMatchObject(as)

  /** A text that the carrier has. */
  async function taken(office: Office, text: string): Promise<{ sent: Sent; submitted: Submitted }> {
    const sent = await office.send(office.customer(), text)
    await stands(office, sent, { status: 'sent', attempt: 1 })
    return { sent, submitted: office.carrier.to(sent.number)[0]! }
  }

  test('the judge refuses what Twilio would refuse', async ({ office: { carrier } }) => {
    const messages = `${carrier.url}/2010-04-01/Accounts/AC${'0'.repeat(32)}/Messages.json`
    const form = (fields: Record<string, string>): RequestInit => ({ method: 'POST', body: new URLSearchParams(fields) })
    const authorization = CREDENTIALS
    const asked = [
      form({ To: '+14045550199', From: OURS, Body: 'Hi' }),
      { ...form({ From: OURS, Body: 'Hi' }), headers: { authorization } },
      { ...form({ To: '+14045550199', From: OURS, Body: 'Hi', StatusCallback: 'no address' }), headers: { authorization } },
      { method: 'POST', body: '{"To":"+14045550199"}', headers: { authorization, 'content-type': 'application/json' } },
    ]
    const answers = await Promise.all(asked.map((request) => fetch(messages, request)))
    expect(answers.map((answer) => answer.status)).toEqual([401, 422, 422, 415])
    expect(carrier.invalid.splice(0)).toHaveLength(4)
  })

  test('each is one request, valid by Twilio’s description, with our credentials and an address of its own for callbacks', async ({ office }) => {
    const texts = [
      'See you at 5',
      'a=b&c=d%20+;?#/"\'<>\\',
      'Line\nLine\r\n\tLine  ',
      '👩‍👩‍👧 Grüße, привет, مرحبا, e\u0301',
      'x'.repeat(1_600),
    ]
    const customer = office.customer()
    office.carrier.answers(customer, (text) => office.carrier.takes(text, { num_segments: '3' }))
    const sent: Sent[] = []
    for (const text of texts) sent.push(await office.send(customer, text))
    for (const one of sent) await stands(office, one, { status: 'sent', attempt: 1, our_number: OURS, error: null })
    expect((await office.delivery(sent[0]!))?.segments, 'as the carrier counts').toBe(3)

    const submitted = office.carrier.to(customer)
    expect(submitted.map(({ form }) => form.get('Body')), 'in order, as they were typed').toEqual(texts)
    for (const { form, headers, callback, attempt } of submitted) {
      expect(Object.fromEntries(form)).toEqual({ To: customer, From: OURS, Body: form.get('Body'), StatusCallback: callback })
      expect(headers).toMatchObject({ authorization: CREDENTIALS, 'content-type': 'application/x-www-form-urlencoded' })
      expect(attempt).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
      expect(callback).toBe(`${office.publicUrl}/v1/carriers/main/status/${attempt}`)
    }
    expect(new Set(submitted.map((text) => text.attempt)).size).toBe(texts.length)
  })

  test('callbacks that are doubled and shuffled end in the right state', async ({ office }) => {
    const shuffled = [...orders(['sent', 'sent', 'delivered', 'delivered']), ...orders(['queued', 'sending', 'delivered'])]
    const all = await Promise.all(shuffled.map(async (order, i) => ({ order, ...(await taken(office, `Order ${i}`)) })))
    await Promise.all(
      all.map(async ({ order, submitted }) => {
        for (const status of order) await office.calls(submitted, status)
      }),
    )
    for (const { order, sent } of all) {
      expect(await office.delivery(sent), order.join()).toMatchObject({ status: 'delivered', attempt: 1, error: null })
    }
  })

  test('callbacks that come all at once end in the right state', async ({ office }) => {
    const { sent, submitted } = await taken(office, 'All at once')
    const all = ['sent', 'delivered', 'sending', 'delivered', 'queued', 'sent', 'delivered', 'sent']
    await Promise.all(all.map((status) => office.calls(submitted, status)))
    expect(await office.delivery(sent)).toMatchObject({ status: 'delivered', attempt: 1 })
  })

  test('one that did not arrive says why and what to do, whatever comes after', async ({ office }) => {
    const { sent, submitted } = await taken(office, 'Are you there?')
    await office.calls(submitted, 'undelivered', '30003')
    await office.calls(submitted, 'sent')
    await office.calls(submitted, 'undelivered', '30003')
    const delivery = await office.delivery(sent)
    expect(delivery).toMatchObject({ status: 'undelivered', attempt: 1, error: { source: 'carrier', code: '30003' } })
    expect(delivery?.error?.message).toMatch(/phone can.t be reached/)
    expect(delivery?.error?.remedy).not.toBe('')
  })

  test('a callback that names only the text is understood, too', async ({ office }) => {
    const { sent, submitted } = await taken(office, 'By its name')
    await office.calls({ ...submitted, callback: `${office.publicUrl}/v1/carriers/main/status` }, 'delivered')
    expect(await office.delivery(sent)).toMatchObject({ status: 'delivered' })
  })

  test('a callback that comes before the answer settles it, whatever the answer is', async ({ office }) => {
    for (const [said, answer] of [
      ['taken', office.carrier.takes],
      ['lost', loses],
      ['refused for now', refuses(429, 20429, 'Too Many Requests', { 'retry-after': '1' })],
    ] as const) {
      const customer = office.customer()
      const answered = gate()
      office.carrier.answers(customer, async (text) => {
        await office.calls(text, 'sent')
        await office.calls(text, 'delivered')
        await answered.opened
        return answer(text)
      })
      const sent = await office.send(customer, `The callback is first, then it is ${said}`)
      await stands(office, sent, { status: 'delivered' })
      answered.open()
      // The next one goes out when this one is settled.
      await stands(office, await office.send(customer, 'And the next'), { status: 'sent' })
      expect(await office.delivery(sent), said).toMatchObject({ status: 'delivered', attempt: 1, error: null })
      expect(office.carrier.to(customer)).toHaveLength(2)
    }
  })

  test('a lost answer makes no second text, and a callback settles it', async ({ office }) => {
    const customer = office.customer()
    office.carrier.answers(customer, loses)
    const sent = await office.send(customer, 'Lost')
    await stands(office, sent, { status: 'unconfirmed', attempt: 1 })
    // Neither while it runs nor when it starts anew.
    await office.engine.restart()
    await stands(office, await office.send(customer, 'Next'), { status: 'sent' })
    expect(await office.delivery(sent)).toMatchObject({ status: 'unconfirmed', attempt: 1 })
    expect(office.carrier.to(customer).map(({ form }) => form.get('Body'))).toEqual(['Lost', 'Next'])

    await office.calls(office.carrier.to(customer)[0]!, 'delivered')
    expect(await office.delivery(sent)).toMatchObject({ status: 'delivered', attempt: 1, error: null })
  })

  test('an answer that says nothing is a lost one', async ({ office }) => {
    for (const [status, body] of [
      [201, {}],
      [504, {}],
    ] as const) {
      const customer = office.customer()
      office.carrier.answers(customer, () => ({ status, body }))
      const sent = await office.send(customer, `Answered ${status}`)
      await stands(office, sent, { status: 'unconfirmed', attempt: 1 })
      expect(office.carrier.to(customer)).toHaveLength(1)
    }
  })

  test('Retry sends it once more, however often it is pressed at once', async ({ office }) => {
    const customer = office.customer()
    office.carrier.answers(customer, loses)
    const sent = await office.send(customer, 'Lost')
    await stands(office, sent, { status: 'unconfirmed', attempt: 1 })
    const answers = await Promise.all(Array.from({ length: 5 }, () => office.retry(sent, 1)))
    expect(answers.map((message) => message.deliveries[0]?.attempt)).toEqual([2, 2, 2, 2, 2])
    await stands(office, sent, { status: 'sent', attempt: 2 })
    // Pressed by somebody who sees the first attempt still.
    expect((await office.retry(sent, 1)).deliveries).toMatchObject([{ status: 'sent', attempt: 2 }])
    expect((await office.retry(sent, 2)).deliveries).toMatchObject([{ status: 'sent', attempt: 2 }])
    await stands(office, await office.send(customer, 'Next'), { status: 'sent' })
    expect(office.carrier.to(customer).map(({ form }) => form.get('Body'))).toEqual(['Lost', 'Lost', 'Next'])
    // News of the first attempt says nothing of the second.
    await office.calls(office.carrier.to(customer)[0]!, 'undelivered', '30003')
    expect(await office.delivery(sent)).toMatchObject({ status: 'sent', attempt: 2, error: null })
    await office.calls(office.carrier.to(customer)[1]!, 'delivered')
    expect(await office.delivery(sent)).toMatchObject({ status: 'delivered', attempt: 2 })
  })

  test('an attempt that arrived after all ends the one that waits', async ({ office }) => {
    const customer = office.customer()
    office.carrier.answers(customer, loses, refuses(429, 20429, 'Too Many Requests', { 'retry-after': '3' }))
    const sent = await office.send(customer, 'Lost, then too fast')
    await stands(office, sent, { status: 'unconfirmed', attempt: 1 })
    await office.retry(sent, 1)
    await stands(office, sent, { status: 'queued', attempt: 3 })
    await office.calls(office.carrier.to(customer)[0]!, 'delivered')
    expect(await office.delivery(sent)).toMatchObject({ status: 'delivered' })
    // The next one has waited for it, and shows that its time has come.
    await stands(office, await office.send(customer, 'Next'), { status: 'sent' })
    expect(office.carrier.to(customer).map(({ form }) => form.get('Body'))).toEqual(['Lost, then too fast', 'Lost, then too fast', 'Next'])
  })

  test('“too fast”, said once, makes one text, after the pause that was asked for, and before what was written later', async ({ office }) => {
    const customer = office.customer()
    office.carrier.answers(customer, refuses(429, 20429, 'Too Many Requests', { 'retry-after': '2' }))
    const sent = await office.send(customer, 'First')
    await stands(office, sent, { status: 'queued', attempt: 2 })
    const next = await office.send(customer, 'Second')
    await stands(office, sent, { status: 'sent', attempt: 2, error: null })
    await stands(office, next, { status: 'sent', attempt: 1 })
    const submitted = office.carrier.to(customer)
    expect(submitted.map(({ form }) => form.get('Body'))).toEqual(['First', 'First', 'Second'])
    expect(submitted[0]!.attempt).not.toBe(submitted[1]!.attempt)
    const pause = submitted[1]!.at - submitted[0]!.at
    expect(pause).toBeGreaterThanOrEqual(2_000)
    expect(pause, 'not the first of our own pauses, which is five seconds').toBeLessThan(5_000)
  })

  test('trouble of the carrier’s own passes, and makes one text', async ({ office }) => {
    const troubles = [refuses(500, 20500, 'Internal Server Error'), refuses(503, 20503, 'Service unavailable')]
    const all = await Promise.all(
      troubles.map(async (trouble) => {
        const customer = office.customer()
        office.carrier.answers(customer, trouble)
        return office.send(customer, 'Trouble')
      }),
    )
    for (const sent of all) await stands(office, sent, { status: 'queued', attempt: 2 })
    for (const sent of all) await stands(office, sent, { status: 'sent', attempt: 2, error: null })
    for (const { number } of all) expect(office.carrier.to(number)).toHaveLength(2)
  })

  test('“they said stop” is believed: recorded as the carrier’s word, and nothing more is sent', async ({ office }) => {
    const customer = office.customer()
    office.carrier.answers(customer, refuses(400, 21610, 'Attempt to send to unsubscribed recipient'))
    const sent = await office.send(customer, 'Hello?')
    await stands(office, sent, { status: 'failed', attempt: 1, error: { source: 'carrier', code: '21610' } })
    expect(await office.consents(customer)).toEqual([{ our_number: OURS, source: 'carrier' }])
    await expect(office.send(customer, 'Hello again?')).rejects.toThrow(/409.*opted_out/)
    await expect(office.retry(sent, 1)).rejects.toThrow(/409.*opted_out/)
    expect(await office.api('GET', `conversations/${sent.conversation}`)).toMatchObject({ opted_out: true })
    expect(office.carrier.to(customer)).toHaveLength(1)
  })

  test('“they said stop” in a callback is believed as well', async ({ office }) => {
    const { sent, submitted } = await taken(office, 'Hello?')
    await office.calls(submitted, 'failed', '21610')
    expect(await office.delivery(sent)).toMatchObject({ status: 'failed', error: { source: 'carrier', code: '21610' } })
    expect(await office.consents(sent.number)).toEqual([{ our_number: OURS, source: 'carrier' }])
    await expect(office.send(sent.number, 'Hello again?')).rejects.toThrow(/409.*opted_out/)
  })

  test('“they said stop” is believed in news of an earlier attempt, too', async ({ office }) => {
    const customer = office.customer()
    office.carrier.answers(customer, loses, refuses(429, 20429, 'Too Many Requests', { 'retry-after': '3' }))
    const sent = await office.send(customer, 'Lost, then too fast')
    await stands(office, sent, { status: 'unconfirmed', attempt: 1 })
    await office.retry(sent, 1)
    await stands(office, sent, { status: 'queued', attempt: 3 })
    await office.calls(office.carrier.to(customer)[0]!, 'failed', '21610')
    expect(await office.consents(customer)).toEqual([{ our_number: OURS, source: 'carrier' }])
    await stands(office, sent, { status: 'failed', error: OPTED_OUT })
    expect(office.carrier.to(customer)).toHaveLength(2)
  })

  test('what the carrier will never send fails at once, in words for people', async ({ office }) => {
    const customer = office.customer()
    office.carrier.answers(customer, refuses(400, 21211, `The 'To' number ${customer} is not a valid phone number.`))
    const sent = await office.send(customer, 'Hello?')
    await stands(office, sent, { status: 'failed', attempt: 1, error: { source: 'carrier', code: '21211' } })
    expect((await office.delivery(sent))?.error?.message).not.toContain(customer)
    expect(office.carrier.to(customer)).toHaveLength(1)
  })

  test('credentials that are not accepted fail nothing: the text waits', async ({ office }) => {
    const customer = office.customer()
    office.carrier.answers(customer, refuses(401, 20003, 'Authenticate'))
    const sent = await office.send(customer, 'Waits')
    await stands(office, sent, { status: 'queued', attempt: 2 })
    const next = await office.send(customer, 'Waits behind it')
    await office.engine.restart()
    expect(await office.delivery(sent)).toMatchObject({ status: 'queued', attempt: 2 })
    expect(await office.delivery(next)).toMatchObject({ status: 'queued', attempt: 1 })
    expect(office.carrier.to(customer)).toHaveLength(1)
  })

  test('after kill -9 what was handed over is not sent again, and what waited is sent once', async ({ office }) => {
    const customer = office.customer()
    const killed = gate()
    office.carrier.answers(customer, async (text) => {
      await killed.opened
      return office.carrier.takes(text)
    })
    const first = await office.send(customer, 'First')
    await stands(office, first, { status: 'sending' })
    const second = await office.send(customer, 'Second')
    await expect.poll(() => office.carrier.to(customer).length).toBe(1)
    await office.engine.kill()
    killed.open()
    await office.engine.run()
    await stands(office, first, { status: 'unconfirmed', attempt: 1 })
    await stands(office, second, { status: 'sent', attempt: 1 })
    expect(office.carrier.to(customer).map(({ form }) => form.get('Body'))).toEqual(['First', 'Second'])
    await office.calls(office.carrier.to(customer)[0]!, 'delivered')
    expect(await office.delivery(first)).toMatchObject({ status: 'delivered', attempt: 1 })
  })

  test('a stop waits for the answer', async ({ office }) => {
    const customer = office.customer()
    const stopping = gate()
    office.carrier.answers(customer, async (text) => {
      await stopping.opened
      return office.carrier.takes(text)
    })
    const sent = await office.send(customer, 'At the last moment')
    await expect.poll(() => office.carrier.to(customer).length).toBe(1)
    const stopped = office.engine.end('SIGTERM')
    // It takes no more texts by now.
    const isReady = (): Promise<boolean> => fetch(`http://127.0.0.1:${office.engine.port}/readyz`).then((answer) => answer.ok, () => false)
    await expect.poll(isReady).toBe(false)
    stopping.open()
    await stopped
    await office.engine.run()
    expect(await office.delivery(sent)).toMatchObject({ status: 'sent', attempt: 1 })
    expect(office.carrier.to(customer)).toHaveLength(1)
  })
})

test.describe('What is signed:', () => {
  /** A text of somebody new, and the request that it would be if nobody meddled with it. */
  const fresh = (office: Office, how?: { token?: string; url?: string; path?: string }): { from: string; form: Form; webhook: Webhook } => {
    const from = office.customer()
    const form = textIn(from, OURS, 'Signed?')
    return { from, form, webhook: office.signed(how?.path ?? INBOUND, form, how) }
  }

  /** Answers whether it was taken; what was not has changed nothing. */
  async function isTaken(office: Office, from: string, webhook: Webhook): Promise<boolean> {
    const answer = await office.post(webhook)
    const stored = [await office.texts(from), await office.consents(from), await office.deadLetters(encodeURIComponent(from))]
    if (answer.status === 200) {
      expect(stored).toEqual([['Signed?'], [], []])
      return true
    }
    expect([answer.status, ...stored]).toEqual([403, [], [], []])
    return false
  }

  /** What Twilio's SDK says of it, with either token, as an application that was told the same address. */
  const sdkTakes = (office: Office, form: Form, { path, headers }: Webhook): boolean =>
    TOKENS.some((token) => validateRequest(token, headers['x-twilio-signature'] ?? '', office.publicUrl + path, form))

  test('a text is answered after the commit, in words that make Twilio do nothing', async ({ office }) => {
    const { from, webhook } = fresh(office)
    const answer = await office.post(webhook)
    expect(await office.texts(from)).toEqual(['Signed?'])
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toMatch(/^text\/xml/)
    const nothing = new MessagingResponse().toString()
    expect((await answer.text()).replace('></Response>', '/>')).toBe(nothing)
  })

  test('either token counts, the address with its port and without it, and a query', async ({ office }) => {
    const path = `${INBOUND}?from=console&for=a%20b`
    const bare = office.publicUrl.replace(/:\d+$/, '')
    for (const how of [
      { token: TOKENS[0] },
      { token: TOKENS[1] },
      { url: bare + INBOUND },
      { url: bare + INBOUND, token: TOKENS[1] },
      { path },
      { path, url: bare + path },
    ]) {
      const { from, form, webhook } = fresh(office, how)
      expect(sdkTakes(office, form, webhook), `Twilio's SDK takes ${JSON.stringify(how)}`).toBe(true)
      expect(await isTaken(office, from, webhook), JSON.stringify(how)).toBe(true)
    }
  })

  test('another token or another address does not count', async ({ office }) => {
    const { port } = office.engine
    for (const how of [
      { token: 'token-newer' },
      { token: '' },
      { url: `https://localhost:${port}${INBOUND}` },
      { url: `http://127.0.0.1:${port}${INBOUND}` },
      { url: `http://localhost:${port + 1}${INBOUND}` },
      { url: `http://localhost:80${INBOUND}` },
      { url: `http://localhost.evil.example:${port}${INBOUND}` },
      { url: `http://localhost:${port}/v1/carriers/main/status` },
      { url: `http://localhost:${port}${INBOUND}?x=1` },
      { url: `http://localhost:${port}${INBOUND}/` },
      { path: `${INBOUND}?x=1`, url: `http://localhost:${port}${INBOUND}` },
    ]) {
      const { from, form, webhook } = fresh(office, how)
      expect(sdkTakes(office, form, webhook), `Twilio's SDK refuses ${JSON.stringify(how)}`).toBe(false)
      expect(await isTaken(office, from, webhook), JSON.stringify(how)).toBe(false)
    }
  })

  test('what was changed on its way is refused, and comes through when it is sent as it was', async ({ office }) => {
    const meddling: ((form: Form, webhook: Webhook) => [Form, Record<string, string>])[] = [
      (form, { headers }) => [{ ...form, Body: 'Signed!' }, headers],
      (form, { headers }) => [{ ...form, From: '+14045550198' }, headers],
      (form, { headers }) => [{ ...form, New: '1' }, headers],
      (form, { headers }) => [{ ...form, Body: ['Signed?', 'Signed!'] }, headers],
      ({ FromCity: _, ...form }, { headers }) => [form, headers],
      (form, { headers }) => [form, { ...headers, 'x-twilio-signature': headers['x-twilio-signature']!.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')) }],
      (form, { headers }) => [form, { ...headers, 'x-twilio-signature': '' }],
      (form, { headers: { 'x-twilio-signature': _, ...headers } }) => [form, headers],
    ]
    for (const meddle of meddling) {
      const { from, form, webhook } = fresh(office)
      const [changed, headers] = meddle(form, webhook)
      const other = { path: webhook.path, headers, body: encoded(changed) }
      expect(sdkTakes(office, changed, other), `Twilio's SDK refuses ${other.body}`).toBe(false)
      expect(await isTaken(office, from, other), other.body).toBe(false)
      expect(await isTaken(office, from, webhook)).toBe(true)
    }
  })

  test('news that is not signed rightly changes nothing', async ({ office }) => {
    const customer = office.customer()
    office.carrier.answers(customer, loses)
    const sent = await office.send(customer, 'Lost')
    await expect.poll(() => office.delivery(sent)).toMatchObject({ status: 'unconfirmed' })
    const [{ callback, sid }] = office.carrier.to(customer) as [Submitted]
    const path = callback.slice(office.publicUrl.length)
    const form = { MessageSid: sid, MessageStatus: 'delivered' }
    for (const webhook of [
      office.signed(path, form, { token: 'token-newer' }),
      office.signed(path, form, { url: `${office.publicUrl}/v1/carriers/main/status` }),
      { ...office.signed(path, form), body: encoded({ ...form, MessageStatus: 'failed' }) },
    ]) {
      expect((await office.post(webhook)).status).toBe(403)
      expect(await office.delivery(sent)).toMatchObject({ status: 'unconfirmed' })
    }
    await office.isTaken(office.signed(path, form))
    expect(await office.delivery(sent)).toMatchObject({ status: 'delivered' })
  })

  test('the form with SHA-256 counts where the header says so, and only there', async ({ office }) => {
    for (const token of TOKENS) {
      const { from, form } = fresh(office)
      const url = office.publicUrl + INBOUND
      const webhook = signedBySha256(INBOUND, form, { token, url })
      const settings = 'x-twilio-webhooks-signature-settings'
      const { [settings]: _, ...unsaid } = webhook.headers
      expect(await isTaken(office, from, { ...webhook, headers: unsaid })).toBe(false)
      expect(await isTaken(office, from, { ...webhook, body: encoded({ ...form, Body: 'Signed!' }) })).toBe(false)
      const unknown = { ...webhook.headers, [settings]: 'key=webhooks_sharedkey_1,algorithm=HMAC_SHA512' }
      expect(await isTaken(office, from, { ...webhook, headers: unknown })).toBe(false)
      const sha1 = office.signed(INBOUND, form).headers['x-twilio-signature']!
      expect(await isTaken(office, from, { ...webhook, headers: { ...webhook.headers, 'x-twilio-signature': sha1 } })).toBe(false)
      expect(await isTaken(office, from, webhook)).toBe(true)
    }
  })

  test('JSON is known by its hash in the address, and kept as it came, as texts are no JSON', async ({ office }) => {
    const from = office.customer()
    const body = JSON.stringify({ From: from, To: OURS, Body: 'Grüße', MessageSid: newSid('SM') })
    const path = `${INBOUND}?bodySHA256=${getExpectedBodyHash(body)}`
    const { headers } = office.signed(path, {})
    const webhook = { path, body, headers: { ...headers, 'content-type': 'application/json' } }
    const signature = headers['x-twilio-signature']!
    expect(validateRequestWithBody(TOKENS[0], signature, office.publicUrl + path, body)).toBe(true)

    const tampered = body.replace('Grüße', 'Grusse')
    expect(validateRequestWithBody(TOKENS[0], signature, office.publicUrl + path, tampered)).toBe(false)
    const unhashed = office.signed(INBOUND, {})
    const refused = [
      { ...webhook, body: tampered },
      { ...webhook, path: INBOUND },
      { ...webhook, path: INBOUND, headers: { ...unhashed.headers, 'content-type': 'application/json' } },
      { ...webhook, headers: { 'content-type': 'application/json' } },
    ]
    for (const other of refused) expect((await office.post(other)).status).toBe(403)
    expect(await office.deadLetters(from)).toEqual([])

    expect((await office.post(webhook)).status).toBe(200)
    expect(await office.deadLetters(from)).toMatchObject([{ kind: 'inbound', content_type: 'application/json', body }])
    expect(await office.texts(from)).toEqual([])
  })

  test('where our address names no port, the usual one may be signed, and no other', async () => {
    const office = await Office.open('https://texts.example.com')
    try {
      for (const [origin, counts] of [
        ['https://texts.example.com', true],
        ['https://texts.example.com:443', true],
        ['https://texts.example.com:80', false],
        ['https://texts.example.com:8443', false],
        ['http://texts.example.com', false],
        [`http://localhost:${office.engine.port}`, false],
      ] as const) {
        const { from, form, webhook } = fresh(office, { url: origin + INBOUND })
        expect(sdkTakes(office, form, webhook), `Twilio's SDK: ${origin}`).toBe(counts)
        expect(await isTaken(office, from, webhook), origin).toBe(counts)
      }
    } finally {
      await office.close()
    }
  })
})

test.describe('Texts in:', () => {
  test('the same text is taken once, one after the other and all at once', async ({ office }) => {
    const from = office.customer()
    const [twice, often] = [textIn(from, OURS, 'Twice'), textIn(from, OURS, 'Often')]
    await office.isTaken(office.signed(INBOUND, twice))
    await office.isTaken(office.signed(INBOUND, twice))
    await Promise.all(Array.from({ length: 10 }, () => office.isTaken(office.signed(INBOUND, often))))
    // As Twilio's second address would have it: signed anew.
    await office.isTaken(office.signed(INBOUND, twice, { token: TOKENS[1] }))
    expect(await office.threads(from)).toMatchObject([[{ text: 'Twice', direction: 'inbound' }, { text: 'Often', direction: 'inbound' }]])
  })

  test('twenty at once from somebody new make one thread', async ({ office }) => {
    const from = office.customer()
    const texts = Array.from({ length: 20 }, (_, i) => `Text ${i}`)
    await Promise.all(texts.map((text) => office.receive(from, text)))
    const threads = await office.threads(from)
    expect(threads).toHaveLength(1)
    expect(threads[0]!.map((message) => message.text).sort()).toEqual(texts.sort())
    expect(threads[0]!.map((message) => message.seq)).toEqual(texts.map((_, i) => i + 1))
  })

  test('a picture without words is kept, fetched with our credentials, and shown to who may see it', async ({ office }) => {
    const from = office.customer()
    const path = `/2010-04-01/Accounts/AC1/Messages/${newSid('MM')}/Media/${newSid('ME')}`
    const bytes = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
    office.carrier.files.set(path, { type: 'image/png', bytes })
    await office.receive(from, '', { NumMedia: '1', MediaUrl0: office.carrier.url + path, MediaContentType0: 'image/png' })
    const attachments = async (): Promise<unknown> => (await office.threads(from))[0]?.[0]?.attachments
    await expect.poll(attachments).toMatchObject([{ state: 'stored', content_type: 'image/png', size: bytes.length }])
    const [message] = (await office.threads(from)).flat()
    expect(message?.text).toBe('')
    const url = `http://127.0.0.1:${office.engine.port}${message?.attachments[0]?.url}`
    const shown = await fetch(url, { headers: { authorization: `Bearer ${office.jake}` } })
    expect([shown.status, shown.headers.get('content-type')]).toEqual([200, 'image/png'])
    expect(Buffer.from(await shown.arrayBuffer()).equals(bytes)).toBe(true)
    expect((await fetch(url)).status).toBe(401)
    const { token } = await office.engine.call('', 'POST', '/v1/login', { extension: '202', password: 'secret-202' })
    expect((await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status, 'it is Jake’s').toBe(404)
  })

  test('an empty text is kept, too', async ({ office }) => {
    const from = office.customer()
    await office.receive(from, '')
    expect(await office.threads(from)).toMatchObject([[{ text: '', direction: 'inbound', attachments: [] }]])
  })

  test('a short code can text in, and can’t be answered', async ({ office }) => {
    await office.receive('72345', 'Your code is 123')
    expect(await office.texts('72345')).toEqual(['Your code is 123'])
    const { items } = await office.api('GET', 'conversations?q=72345')
    await expect(office.sendIn(items[0].id as string, '72345', 'Thanks')).rejects.toThrow(/422.*invalid_number/)
  })

  test('a picture elsewhere is not asked for', async ({ office }) => {
    const from = office.customer()
    const asked: unknown[] = []
    const other = createServer((request, response) => {
      asked.push(request.url)
      response.writeHead(200, { 'content-type': 'image/png' }).end('secret')
    })
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}/latest/meta-data`
    await office.receive(from, 'Look', { NumMedia: '1', MediaUrl0: url, MediaContentType0: 'image/png' })
    await expect.poll(async () => (await office.threads(from))[0]?.[0]?.attachments).toMatchObject([{ state: 'failed' }])
    other.close()
    expect(asked).toEqual([])
  })

  test('what Twilio takes for STOP and START is recorded, and answered by Twilio alone', async ({ office }) => {
    const from = office.customer()
    await office.receive(from, 'Hello')
    await office.receive(from, 'Parar', { OptOutType: 'STOP' })
    expect(await office.consents(from)).toEqual([{ our_number: OURS, source: 'keyword' }])
    await expect(office.send(from, 'Why?')).rejects.toThrow(/409.*opted_out/)
    await office.receive(from, 'Empezar', { OptOutType: 'START' })
    expect(await office.consents(from)).toEqual([])
    const sent = await office.send(from, 'Welcome back')
    await expect.poll(() => office.delivery(sent)).toMatchObject({ status: 'sent' })
    expect(office.carrier.to(from).map(({ form }) => form.get('Body'))).toEqual(['Welcome back'])
    expect(await office.texts(from)).toEqual([
      'Hello',
      'Parar',
      'Opted out of texts from +1 404-555-0100',
      'Empezar',
      'Opted in to texts from +1 404-555-0100',
      'Welcome back',
    ])
  })

  test('fields that nobody knows are signed and ignored, also several of one name', async ({ office }) => {
    const from = office.customer()
    const more = { Zukunft: 'größer 😀', AddOns: '{"status":"successful"}', Empty: '', a: ['2', '1', '2'], A: 'x=y&z', 'Media[0]': '+1 2' }
    const form = textIn(from, OURS, ' As it was typed \n+1 & more 😀 ', more)
    const webhook = office.signed(INBOUND, form)
    expect(validateRequest(TOKENS[0], webhook.headers['x-twilio-signature']!, office.publicUrl + INBOUND, form)).toBe(true)
    await office.isTaken(webhook)
    expect(await office.texts(from)).toEqual([' As it was typed \n+1 & more 😀 '])
  })

  test('a text to a number that nobody has is kept, and comes in once the number is somebody’s', async ({ office }) => {
    const [from, unknown] = [office.customer(), '+14045550177']
    await office.receive(from, 'Is anybody there?', { To: unknown })
    expect(await office.texts(from)).toEqual([])
    const [letter, ...others] = await office.deadLetters(encodeURIComponent(from))
    expect(letter).toMatchObject({ kind: 'inbound', content_type: expect.stringContaining('x-www-form-urlencoded') })
    expect(others).toEqual([])
    await expect(office.pbx('POST', `dead-letters/${letter?.id}/replay`)).rejects.toThrow(/400.*invalid_request/)
    await office.assign('201', unknown)
    await office.pbx('POST', `dead-letters/${letter?.id}/replay`)
    expect(await office.texts(from)).toEqual(['Is anybody there?'])
    expect(await office.deadLetters(encodeURIComponent(from))).toEqual([])
    await expect(office.pbx('POST', `dead-letters/${letter?.id}/replay`)).rejects.toThrow(/404/)
    expect(await office.texts(from)).toEqual(['Is anybody there?'])
  })

  test('what can’t be understood is kept whole', async ({ office }) => {
    const from = office.customer()
    const { MessageSid: _, SmsSid: __, SmsMessageSid: ___, ...nameless } = textIn(from, OURS, 'Without a name')
    await office.isTaken(office.signed(INBOUND, nameless))
    expect(await office.deadLetters(encodeURIComponent(from))).toMatchObject([{ kind: 'inbound', body: encoded(nameless) }])
    expect(await office.texts(from)).toEqual([])
    const status = '/v1/carriers/main/status'
    const sid = newSid('SM')
    await office.isTaken(office.signed(status, { MessageSid: sid, MessageStatus: 'delivered' }))
    expect(await office.deadLetters(sid), 'others may send by the same account').toEqual([])
  })
})

test.describe('To who said stop, nothing goes:', () => {
  const stop = (office: Office, from: string): Promise<void> => office.receive(from, 'STOP', { OptOutType: 'STOP' })

  test('from a thread', async ({ office }) => {
    const customer = office.customer()
    await office.receive(customer, 'Hello')
    await stop(office, customer)
    await expect(office.send(customer, 'Wait!')).rejects.toThrow(/409.*opted_out/)
    expect(office.carrier.to(customer)).toEqual([])
  })

  test('from a group, where the others have it', async ({ office }) => {
    const [customer, other] = [office.customer(), office.customer()]
    await stop(office, customer)
    const made = { kind: 'group', client_id: crypto.randomUUID(), name: 'Spring', extensions: ['202'], numbers: [customer, other] }
    const { id } = await office.api('POST', 'conversations', made)
    const sent = await office.sendIn(id as string, customer, 'To all of you')
    await expect.poll(() => office.delivery({ ...sent, number: other })).toMatchObject({ status: 'sent' })
    expect(await office.delivery(sent)).toMatchObject({ status: 'failed', error: OPTED_OUT })
    expect(office.carrier.to(customer)).toEqual([])
  })

  test('by a Retry', async ({ office }) => {
    const customer = office.customer()
    office.carrier.answers(customer, loses)
    const sent = await office.send(customer, 'Lost')
    await expect.poll(() => office.delivery(sent)).toMatchObject({ status: 'unconfirmed' })
    await stop(office, customer)
    await expect(office.retry(sent, 1)).rejects.toThrow(/409.*opted_out/)
    expect(await office.delivery(sent)).toMatchObject({ status: 'unconfirmed', attempt: 1 })
    expect(office.carrier.to(customer)).toHaveLength(1)
  })

  test('by a Retry in a group', async ({ office }) => {
    const customer = office.customer()
    office.carrier.answers(customer, refuses(400, 21408, 'Permission to send an SMS has not been enabled'))
    const made = { kind: 'group', client_id: crypto.randomUUID(), name: 'Autumn', extensions: ['202'], numbers: [customer] }
    const { id } = await office.api('POST', 'conversations', made)
    const sent = await office.sendIn(id as string, customer, 'Fails')
    await expect.poll(() => office.delivery(sent)).toMatchObject({ status: 'failed', error: { code: '21408' } })
    await stop(office, customer)
    await expect(office.retry(sent, 1)).rejects.toThrow(/409.*opted_out/)
    expect(office.carrier.to(customer)).toHaveLength(1)
  })

  test('of what is queued already, behind a text that the carrier has not answered yet', async ({ office }) => {
    const customer = office.customer()
    const answered = gate()
    office.carrier.answers(customer, async (text) => {
      await answered.opened
      return office.carrier.takes(text)
    })
    const first = await office.send(customer, 'First')
    await expect.poll(() => office.carrier.to(customer).length).toBe(1)
    const second = await office.send(customer, 'Second')
    expect(await office.delivery(first)).toMatchObject({ status: 'sending' })
    expect(await office.delivery(second)).toMatchObject({ status: 'queued' })
    await stop(office, customer)
    answered.open()
    await expect.poll(() => office.delivery(second)).toMatchObject({ status: 'failed', attempt: 1, error: OPTED_OUT })
    expect(await office.delivery(first)).toMatchObject({ status: 'sent' })
    expect(office.carrier.to(customer).map(({ form }) => form.get('Body'))).toEqual(['First'])
  })

  test('of what waits for its next attempt', async ({ office }) => {
    const customer = office.customer()
    office.carrier.answers(customer, refuses(429, 20429, 'Too Many Requests', { 'retry-after': '3' }))
    const sent = await office.send(customer, 'Too fast')
    await expect.poll(() => office.delivery(sent)).toMatchObject({ status: 'queued', attempt: 2 })
    await stop(office, customer)
    await expect.poll(() => office.delivery(sent)).toMatchObject({ status: 'failed', error: OPTED_OUT })
    expect(office.carrier.to(customer)).toHaveLength(1)
  })

  test('of a group’s text that is queued already', async ({ office }) => {
    const customer = office.customer()
    const answered = gate()
    office.carrier.answers(customer, async (text) => {
      await answered.opened
      return office.carrier.takes(text)
    })
    await office.send(customer, 'First, in the thread')
    await expect.poll(() => office.carrier.to(customer).length).toBe(1)
    const made = { kind: 'group', client_id: crypto.randomUUID(), name: 'Winter', extensions: ['202'], numbers: [customer] }
    const { id } = await office.api('POST', 'conversations', made)
    const sent = await office.sendIn(id as string, customer, 'Second, in the group')
    await stop(office, customer)
    answered.open()
    await expect.poll(() => office.delivery(sent)).toMatchObject({ status: 'failed', error: OPTED_OUT })
    expect(office.carrier.to(customer)).toHaveLength(1)
  })

  test('when it is for the whole company', async ({ office }) => {
    const customer = office.customer()
    const thread = await office.thread(customer)
    await office.api('PUT', `conversations/${thread}/consent`, { number: customer, opted_out: true, scope: 'tenant' })
    await expect(office.send(customer, 'Wait!')).rejects.toThrow(/409.*opted_out/)
    // START to one of our numbers takes back both.
    await office.receive(customer, 'START', { OptOutType: 'START' })
    const sent = await office.send(customer, 'Welcome back')
    await expect.poll(() => office.delivery(sent)).toMatchObject({ status: 'sent' })
  })

  test('while texts to them are on their way, each of which goes out or is refused, and not both', async ({ office }) => {
    const customer = office.customer()
    const thread = await office.thread(customer)
    const sending = Array.from({ length: 12 }, (_, i) =>
      office.sendIn(thread, customer, `Text ${i}`).catch((refusal: Error) => expect(refusal.message).toContain('opted_out')),
    )
    await Promise.race(sending)
    await stop(office, customer)
    const sent = (await Promise.all(sending)).filter((one) => one !== undefined)
    const isOver = async (): Promise<boolean> => {
      const all = await Promise.all(sent.map((one) => office.delivery(one)))
      return all.every((delivery) => delivery?.status === 'sent' || delivery?.error?.code === 'opted_out')
    }
    await expect.poll(isOver).toBe(true)
    const wentOut = (await office.threads(customer)).flat().filter((message) => message.deliveries[0]?.status === 'sent')
    expect(office.carrier.to(customer).map(({ form }) => form.get('Body'))).toEqual(wentOut.map((message) => message.text))
  })

  test('and from the number that they said it to, alone', async ({ office }) => {
    const customer = office.customer()
    await stop(office, customer)
    await office.assign('201', '+14045550101')
    const { id } = await office.api('POST', 'conversations', { kind: 'sms', number: customer, from: '+14045550101' })
    const sent = await office.sendIn(id as string, customer, 'From the other number')
    await expect.poll(() => office.delivery(sent)).toMatchObject({ status: 'sent', our_number: '+14045550101' })
    await expect(office.send(customer, 'From the first')).rejects.toThrow(/409.*opted_out/)
  })
})
