// The page where one is the customer's phone, of the simulator.
import AxeBuilder from '@axe-core/playwright'
import type { BrowserContextOptions, Locator, Page } from '@playwright/test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MAIN, password, PIXEL, SALES, type Engine } from './engine'
import type { Person } from './person'
import { expect, test as base } from './test'

const THEIRS = '+14045550199'

/** Jake has the main line; what comes to the other is Ann's. */
const test = base.extend<{ customer: (options?: BrowserContextOptions) => Promise<Phone> }>({
  engine: async ({ engine }, use) => {
    await engine.number(MAIN, 'Main line')
    const nameless = { carrier: 'sim', sms_enabled: true, extension: '202' }
    await engine.call(engine['key'], 'PUT', `/v1/pbx/numbers/${SALES}`, nameless)
    await engine.provision('201', { caller_ids: [MAIN] })
    await use(engine)
  },

  customer: async ({ engine, arrive }, use) => {
    await use(async (options) => {
      const phone = new Phone(await arrive('204', options), engine)
      await phone.page.goto(`${engine.url}/phone`)
      await expect(phone.text).toBeVisible()
      return phone
    })
  },
})

class Phone {
  constructor(
    readonly at: Person,
    readonly engine: Engine,
    readonly page: Page = at.page,
  ) {}

  get number(): Locator {
    return this.page.getByLabel('Your number')
  }

  get text(): Locator {
    return this.page.getByRole('textbox', { name: 'Text', exact: true })
  }

  log(name = 'Main line'): Locator {
    return this.page.getByRole('log', { name: `Texts with ${name}` })
  }

  /** A text on the screen. */
  said(text: string): Locator {
    return this.page.getByRole('log').getByText(text, { exact: true })
  }

  async say(text: string): Promise<void> {
    await this.text.fill(text)
    await this.text.press('Enter')
    await expect(this.said(text)).toBeVisible()
  }

  /** All that was written is with the engine. */
  async sentAll(): Promise<void> {
    await expect(this.page.getByText('Sending…')).toHaveCount(0)
    await expect(this.page.getByText('Not sent.')).toHaveCount(0)
  }
}

/** What Jake's threads hold, as the engine has it. */
async function inbox(engine: Engine): Promise<{ text: string; attachments: { state: string; size: number; content_type: string }[] }[]> {
  const { token } = await engine.call('', 'POST', '/v1/login', { extension: '201', password: password('201') })
  const { items } = await engine.call(token, 'GET', '/v1/conversations')
  const pages = (items as { id: string }[]).map(({ id }) => engine.call(token, 'GET', `/v1/conversations/${id}/messages`))
  return (await Promise.all(pages)).flatMap((page) => page.items)
}

test('A customer texts in from the page, and an agent answers in the portal', async ({ customer, enter }) => {
  const jake = await enter('201')
  const phone = await customer()
  await expect(phone.page.getByRole('heading', { name: 'Customer\'s phone' })).toBeVisible()
  await expect(phone.number).toHaveValue(THEIRS)
  await phone.say('Do you have the round table?')
  await phone.sentAll()
  await jake.open('+1 404-555-0199')
  await expect(jake.text('Do you have the round table?')).toBeVisible()
  await jake.say('Two of them, in oak')
  await expect(phone.said('Two of them, in oak')).toBeVisible()
  await phone.text.fill('Wonderful')
  await phone.page.getByRole('button', { name: 'Send' }).click()
  await expect(jake.text('Wonderful')).toBeVisible()
  await expect(phone.log().getByRole('article')).toHaveText([/You.*round table/s, /Main line.*in oak/s, /You.*Wonderful/s])
})

test('STOP brings the confirmation, and START takes it back', async ({ engine, customer }) => {
  const { opt_out_text, opt_in_text } = await engine.call(engine['key'], 'GET', '/v1/pbx/settings')
  const phone = await customer()
  await phone.say('Hello')
  await phone.sentAll()
  await phone.page.getByRole('button', { name: 'STOP' }).click()
  await expect(phone.said(opt_out_text)).toBeVisible()
  expect((await engine.call(engine['key'], 'GET', '/v1/pbx/consents')).items).toMatchObject([{ number: THEIRS, source: 'keyword' }])
  await phone.page.getByRole('button', { name: 'START' }).click()
  await expect(phone.said(opt_in_text)).toBeVisible()
  expect((await engine.call(engine['key'], 'GET', '/v1/pbx/consents')).items).toEqual([])
})

test('Each tab is another customer, and remembers what was sent', async ({ engine, customer }) => {
  const phone = await customer()
  await phone.say('From the first phone')
  await phone.sentAll()
  const other = new Phone(phone.at, engine, await phone.at.context.newPage())
  await other.page.goto(`${engine.url}/phone`)
  await other.number.fill('+1 (404) 555-0188')
  await other.number.press('Enter')
  await expect(other.number).toHaveValue('+14045550188')
  await expect(other.page.getByText('Nothing yet.')).toBeVisible()
  await other.say('From the second phone')
  await other.sentAll()
  await other.page.reload()
  await expect(other.number).toHaveValue('+14045550188')
  await expect(other.said('From the second phone')).toBeVisible()
  await expect(other.log().getByRole('article')).toHaveCount(1)
  await phone.page.reload()
  await expect(phone.log().getByRole('article')).toHaveText([/From the first phone/])
  await expect.poll(() => inbox(engine).then((all) => all.map((m) => m.text).sort())).toEqual(['From the first phone', 'From the second phone'])
})

test('One chooses which number of the company to text, and sees where something is new', async ({ engine, customer, enter }) => {
  const phone = await customer()
  await phone.say('To the main line')
  await phone.sentAll()
  const jake = await enter('201')
  await jake.open('+1 404-555-0199')
  const numbers = phone.page.getByRole('navigation', { name: 'Numbers of the company' })
  await numbers.getByRole('button', { name: '+1 404-555-0101' }).click()
  await expect(phone.log('+1 404-555-0101').getByRole('article')).toHaveCount(0)
  await jake.say('From the main line')
  await expect(numbers.getByRole('button', { name: 'Main line' })).toContainText('1 new')
  await phone.say('To the other line')
  await phone.sentAll()
  await numbers.getByRole('button', { name: 'Main line' }).click()
  await expect(phone.log().getByRole('article')).toHaveText([/To the main line/, /From the main line/])
  await expect(numbers.getByText('1 new')).toHaveCount(0)
  await expect.poll(() => inbox(engine).then((all) => all.map((m) => m.text))).not.toContain('To the other line')
})

test('A picture is made small enough, and arrives', async ({ engine, customer }) => {
  const phone = await customer()
  // Noise, so that nothing makes it small but being made small.
  const noise = await phone.page.evaluate(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1600, height: 1200 })
    const pen = canvas.getContext('2d')!
    const image = pen.createImageData(1600, 1200)
    for (let at = 0; at < image.data.length; at += 65_536) crypto.getRandomValues(image.data.subarray(at, at + 65_536))
    pen.putImageData(image, 0, 0)
    return canvas.toDataURL('image/png').split(',')[1]!
  })
  const chosen = phone.page.waitForEvent('filechooser')
  await phone.page.getByRole('button', { name: 'Attach a picture' }).click()
  await (await chosen).setFiles({ name: 'chair.png', mimeType: 'image/png', buffer: Buffer.from(noise, 'base64') })
  await expect(phone.page.getByAltText('Goes out with the text')).toBeVisible()
  await phone.say('The chair that I mean')
  await phone.sentAll()
  await expect(phone.page.getByAltText('Goes out with the text')).toHaveCount(0)
  await expect(phone.page.getByAltText('Sent with this text')).toBeVisible()
  await expect
    .poll(() => inbox(engine))
    .toMatchObject([{ text: 'The chair that I mean', attachments: [{ content_type: 'image/jpeg', state: 'stored' }] }])
  expect((await inbox(engine))[0]!.attachments[0]!.size).toBeLessThan(40 * 1024)
})

test('What is no picture is refused', async ({ customer }) => {
  const phone = await customer()
  await phone.page.locator('input[type=file]').setInputFiles({ name: 'chair.png', mimeType: 'image/png', buffer: Buffer.from('no') })
  await expect(phone.page.getByRole('alert')).toHaveText('That is no picture that can be sent.')
})

test('What was not sent says so, and Retry sends it once', async ({ engine, customer }) => {
  const phone = await customer()
  phone.at.line.deafen()
  await phone.text.fill('Are you there?')
  await phone.text.press('Enter')
  // It arrived, and its answer did not.
  await expect.poll(() => inbox(engine).then((all) => all.map((m) => m.text))).toEqual(['Are you there?'])
  phone.at.line.cut()
  await expect(phone.page.getByText('Not sent.')).toBeVisible()
  phone.at.line.mend()
  await phone.page.getByRole('button', { name: 'Retry' }).click()
  await phone.sentAll()
  expect((await inbox(engine)).map((m) => m.text)).toEqual(['Are you there?'])
})

test('Nobody has to sign in, and nothing of the portal is loaded', async ({ engine, customer, arrive }) => {
  const asked: string[] = []
  const { page, context } = await arrive('203')
  context.on('request', (request) => asked.push(new URL(request.url()).pathname))
  await page.goto(`${engine.url}/phone`)
  await expect(page.getByRole('textbox', { name: 'Text', exact: true })).toBeVisible()
  expect(asked.filter((path) => path.startsWith('/v1/')).every((path) => path.startsWith('/v1/simulator/'))).toBe(true)
  expect(asked.filter((path) => path.includes('/App-'))).toEqual([])
  const phone = await customer()
  expect(await phone.at.context.cookies()).toEqual([])
  // It is there, for who opens the portal.
  await page.goto(engine.url)
  await expect(page.getByLabel('Extension')).toBeVisible()
  expect(asked.filter((path) => path.includes('/App-'))).not.toEqual([])
})

base('Without a simulator the page says so', async ({ engine, arrive }) => {
  const config = join(engine['folder'], 'partyline.toml')
  writeFileSync(config, readFileSync(config, 'utf8').split('[carriers')[0]!)
  await engine.restart()
  const { page } = await arrive('204')
  await page.goto(`${engine.url}/phone`)
  await expect(page.getByText('There is no simulator here')).toBeVisible()
  await expect(page.getByLabel('Your number')).toHaveCount(0)
  await clean(page)
})

const screens: [string, BrowserContextOptions][] = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['light and 360 px wide', { colorScheme: 'light', viewport: { width: 360, height: 740 } }],
  ['dark and 360 px wide', { colorScheme: 'dark', viewport: { width: 360, height: 740 } }],
]

for (const [name, options] of screens) {
  test(`axe finds nothing on the phone, ${name}`, async ({ engine, customer }, info) => {
    const phone = await customer(options)
    await clean(phone.page)
    await phone.say('Do you have the round table? It was at https://example.com/tables/round last week.')
    await phone.say('👍')
    await phone.page.getByRole('button', { name: 'STOP' }).click()
    const { opt_out_text } = await engine.call(engine['key'], 'GET', '/v1/pbx/settings')
    await expect(phone.said(opt_out_text)).toBeVisible()
    await phone.page.getByRole('button', { name: '+1 404-555-0101' }).click()
    await phone.page.getByRole('button', { name: 'Main line' }).click()
    await phone.sentAll()
    phone.at.line.cut()
    await phone.say('Nobody hears this')
    await expect(phone.page.getByText('Not sent.')).toBeVisible()
    await expect(phone.page.getByRole('status')).not.toBeEmpty()
    await phone.page.locator('input[type=file]').setInputFiles({ name: 'x.png', mimeType: 'image/png', buffer: Buffer.from(PIXEL.split(',')[1]!, 'base64') })
    await expect(phone.page.getByAltText('Goes out with the text')).toBeVisible()
    await clean(phone.page)
    await phone.page.screenshot({ path: info.outputPath('phone.png') })
  })
}

async function clean(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect.soft(violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((n) => n.failureSummary ?? n.html) }))).toEqual([])
}
