// The Admin area: what an administrator sets is there on everybody's screen, and nobody else sets it.
import type { BrowserContextOptions, Locator } from '@playwright/test'
import { clean, fitsIn, SCREENS } from './clean'
import { MAIN, SALES, SUPPORT, type Engine, type Number } from './engine'
import type { Person } from './person'
import { feel, rang } from './senses'
import { expect, test as base } from './test'

const CUSTOMER = '+14045550199'
const SHOWN = '+1 404-555-0199'
/** A number of ours that leads to nobody. */
const STRAY = '+14045550120'

const test = base.extend<{ administer: (options?: BrowserContextOptions) => Promise<Person> }>({
  /** Zoë is the administrator; she is in the Admin area. */
  administer: async ({ engine, enter }, use) => {
    await use(async (options) => {
      await makeAdmin(engine, '204', 'Zoë Brandt')
      const zoe = await enter('204', options)
      await tab(zoe).click()
      return zoe
    })
  },
})

const makeAdmin = (engine: Engine, number: Number, name: string, role = 'admin'): Promise<unknown> =>
  engine.pbx('PUT', `/v1/pbx/extensions/${number}`, { name, role, password: `secret-${number}` })

// What is on the screen

const tab = ({ page }: Person): Locator => page.getByRole('tab', { name: /^Admin/ })
const sections = ({ page }: Person): Locator => page.getByRole('navigation', { name: 'Admin' })
const listed = ({ page }: Person, list: string, text: string): Locator =>
  page.getByRole('list', { name: list, exact: true }).getByRole('listitem').filter({ hasText: text })
const save = (who: Person): Locator => who.page.getByRole('button', { name: 'Save', exact: true })

async function go(who: Person, section: string): Promise<void> {
  await sections(who).getByRole('button', { name: section }).click()
  await expect(who.page.getByRole('heading', { name: section, exact: true, level: 2 })).toBeVisible()
}

/** Opens one of a list to change it. */
async function edit(who: Person, list: string, text: string): Promise<void> {
  await listed(who, list, text).getByRole('button').click()
  await expect(who.dialog).toBeVisible()
}

async function choose(who: Person, label: string, ...names: string[]): Promise<void> {
  for (const name of names) {
    await who.dialog.getByRole('combobox', { name: label }).fill(name)
    await who.dialog.getByRole('option', { name }).click()
  }
}

async function saved(who: Person): Promise<void> {
  await save(who).click()
  await expect(who.dialog).toHaveCount(0)
}

const numbers = async (engine: Engine): Promise<any[]> => (await engine.pbx('GET', '/v1/pbx/numbers')).items
const number = async (engine: Engine, which: string): Promise<any> => (await numbers(engine)).find((one) => one.number === which)

test('an administrator makes a queue and routes a number to it: an agent’s open page has it, and who texts waits there', async ({
  engine,
  enter,
  administer,
}) => {
  await engine.telephones()
  const jake = await enter('201')
  await jake.page.getByRole('tab', { name: 'Agent Panel' }).click()
  await expect(jake.page.getByText('You are in no SMS queue.')).toBeVisible()

  const zoe = await administer()
  await go(zoe, 'SMS queues')
  await expect(zoe.page.getByText('No queues yet.')).toBeVisible()
  await zoe.page.getByRole('button', { name: 'New queue' }).click()
  await zoe.dialog.getByLabel('Name', { exact: true }).fill('Orders & Returns')
  await choose(zoe, 'Members', 'Jake Miller', 'Ann Lee')
  await zoe.dialog.getByRole('spinbutton', { name: 'Back in the queue after' }).fill('2')
  await zoe.dialog.getByRole('button', { name: 'Create' }).click()
  await expect(zoe.notice('Made: Orders & Returns')).toBeVisible()
  await expect(listed(zoe, 'SMS queues', 'Orders & Returns')).toContainText('2 members')
  await expect(listed(zoe, 'SMS queues', 'Orders & Returns')).toContainText('Back after 2 minutes')
  const { items } = await engine.pbx('GET', '/v1/pbx/queues')
  expect(items).toMatchObject([{ key: 'orders-returns', members: ['201', '202'], idle_timeout_s: 120, unclaimed_timeout_s: 0 }])

  const toggle = jake.page.getByRole('switch', { name: 'Log in to Orders & Returns' })
  await toggle.click()
  await expect(toggle).toBeChecked()

  await go(zoe, 'Phone numbers')
  await expect(listed(zoe, 'Phone numbers', 'Sales')).toContainText('By caller ID')
  await edit(zoe, 'Phone numbers', 'Sales')
  await zoe.dialog.getByLabel('An SMS queue').check()
  await saved(zoe)
  await expect(listed(zoe, 'Phone numbers', 'Sales')).toContainText('Orders & Returns')

  await engine.text(CUSTOMER, 'I want to send this back', { to: SALES })
  await jake.page.getByRole('tab', { name: /^Messages/ }).click()
  await expect(jake.waiting(SHOWN)).toContainText('I want to send this back')
})

/** How long tones were that this page played, in seconds. */
async function measure(who: Person): Promise<() => Promise<number[]>> {
  await who.context.addInitScript(() => {
    const lengths: number[] = []
    const Fake = window.AudioContext as unknown as new () => { createBuffer: (...of: number[]) => object }
    class Measured extends Fake {
      constructor() {
        super()
        const make = this.createBuffer
        this.createBuffer = (channels = 1, length = 0, rate = 1) => {
          lengths.push(Math.round((100 * length) / rate) / 100)
          return make(channels, length, rate)
        }
      }
    }
    Object.defineProperty(window, 'AudioContext', { value: Measured })
    Object.assign(window, { lengths })
  })
  return () => who.page.evaluate(() => (window as unknown as { lengths: number[] }).lengths)
}

test('everybody’s open pages ring with the new tone as soon as it is saved', async ({ engine, arrive, administer }) => {
  const jake = await arrive('201')
  await feel(jake)
  const lengths = await measure(jake)
  await jake.signIn()
  await expect(jake.page.locator('.list-empty')).toBeVisible()
  const ann = await engine.client('202')
  await ann.say('201', 'The old one')
  await rang(1, jake)
  expect(await lengths()).toEqual([0.81])

  const zoe = await administer()
  await go(zoe, 'Alert tone and settings')
  await expect(zoe.page.getByRole('radio', { name: 'Chime' })).toBeChecked()
  await expect(save(zoe)).toBeDisabled()
  await zoe.page.getByRole('radio', { name: 'Knock' }).check()
  await expect(zoe.page.getByText('1 change')).toBeVisible()
  const told = jake.page.waitForResponse('**/v1/settings')
  await save(zoe).click()
  await expect(zoe.notice('Saved. Everybody’s screen has it now.')).toBeVisible()
  await expect(save(zoe)).toBeDisabled()
  await told
  await ann.say('201', 'The new one')
  await rang(2, jake)
  expect(await lengths()).toEqual([0.81, 0.27])
})

test('a sound of the company’s own is heard, and the chime where it can’t be played', async ({ engine, arrive, administer }) => {
  const jake = await arrive('201')
  await feel(jake)
  const lengths = await measure(jake)
  await jake.signIn()
  await expect(jake.page.locator('.list-empty')).toBeVisible()
  const ann = await engine.client('202')
  const zoe = await administer()
  await go(zoe, 'Alert tone and settings')
  await zoe.page.getByLabel('A sound of your own').check()
  await zoe.page.getByLabel('Address of the sound').fill('https://sounds.example.com/ding.mp3')
  const told = jake.page.waitForResponse('**/v1/settings')
  await save(zoe).click()
  await told
  await ann.say('201', 'Ding')
  const played = (): Promise<string[]> => jake.page.evaluate(() => window.senses.played)
  await expect.poll(played).toEqual(['https://sounds.example.com/ding.mp3'])
  expect(await lengths()).toEqual([])

  await jake.page.evaluate(() => (HTMLMediaElement.prototype.play = () => Promise.reject(new Error('no such sound'))))
  await rang(0, jake)
  await ann.say('201', 'Not to be had')
  await rang(1, jake)
  expect(await lengths()).toEqual([0.81])
})

test('the page may play sounds from elsewhere: its policy allows them by https', async ({ engine, administer }) => {
  const { page } = await administer()
  const policy = (await page.request.get(engine.url)).headers()['content-security-policy']
  expect(policy).toMatch(/media-src [^;]*https:/)
})

test('a text to nobody’s number shows at once, and handed to an extension it is in their list', async ({ engine, enter, administer }) => {
  await engine.telephones()
  await engine.number(STRAY, 'Old flyer')
  await makeAdmin(engine, '203', 'Omar Haddad')
  const zoe = await administer()
  const omar = await enter('203')
  const jake = await enter('201')
  await expect(jake.notice('No conversations yet.')).toBeVisible()
  await expect(tab(zoe)).toHaveAccessibleName('Admin')
  await engine.text(CUSTOMER, 'Is this the shop?', { to: STRAY })
  await engine.text('+14045550198', 'Who is this?', { to: STRAY })
  for (const admin of [zoe, omar]) await expect(tab(admin)).toHaveAccessibleName('Admin, 2 unrouted')
  await tab(omar).click()
  for (const admin of [zoe, omar]) {
    await expect(sections(admin).getByRole('button', { name: 'Unrouted messages, 2 waiting' })).toBeVisible()
    await go(admin, 'Unrouted messages')
    const rows = admin.page.getByRole('list', { name: 'Unrouted messages' }).getByRole('listitem')
    await expect(rows).toHaveCount(2)
    await expect(rows.nth(0)).toContainText('Who is this?')
    await expect(rows.nth(1)).toContainText('Is this the shop?')
    await expect(rows.nth(1)).toContainText(`${SHOWN} to Old flyer, +1 404-555-0120`)
  }

  await zoe.page.getByRole('button', { name: `Hand to… the text from ${SHOWN}` }).click()
  await expect(zoe.dialog.getByRole('button', { name: 'Hand over' })).toBeDisabled()
  await choose(zoe, 'Person', 'Jake Miller')
  await zoe.dialog.getByRole('button', { name: 'Hand over' }).click()
  await expect(zoe.notice('Handed to Jake Miller (201)')).toBeVisible()
  await expect(jake.row(SHOWN)).toContainText('Is this the shop?')
  for (const admin of [zoe, omar]) await expect(tab(admin)).toHaveAccessibleName('Admin, 1 unrouted')
  await expect(listed(omar, 'Unrouted messages', 'Is this the shop?')).toHaveCount(0)
  // Where the focus was is gone: it is at the next one.
  await expect(zoe.page.getByRole('button', { name: 'Hand to… the text from +1 404-555-0198' })).toBeFocused()
})

test('handed to a queue, it waits there', async ({ engine, enter, administer }) => {
  const { support } = await engine.queues()
  await engine.number(STRAY, 'Old flyer')
  await (await engine.client('201')).agent(support)
  const jake = await enter('201')
  await engine.text(CUSTOMER, 'Is this the shop?', { to: STRAY })
  const zoe = await administer()
  await go(zoe, 'Unrouted messages')
  await zoe.page.getByRole('button', { name: `Hand to… the text from ${SHOWN}` }).click()
  await zoe.dialog.getByLabel('An SMS queue').check()
  await zoe.dialog.getByLabel('Queue', { exact: true }).selectOption('SMS Support Queue')
  await zoe.dialog.getByRole('button', { name: 'Hand over' }).click()
  await expect(zoe.page.getByText('Every text has found somebody.')).toBeVisible()
  await expect(jake.waiting(SHOWN)).toContainText('Is this the shop?')
})

test('an opted-out number is allowed again: the open thread can be written', async ({ engine, enter, administer }) => {
  await engine.telephones()
  await engine.text(CUSTOMER, 'Hello')
  const jake = await enter('201')
  await jake.open(SHOWN)
  await engine.text(CUSTOMER, 'STOP')
  await expect(jake.composer).toHaveCount(0)

  const zoe = await administer()
  await go(zoe, 'Opted-out numbers')
  const row = listed(zoe, 'Opted-out numbers', SHOWN)
  await expect(row).toContainText('no texts from Main line')
  await expect(row).toContainText('Texted STOP')
  await zoe.page.getByRole('searchbox').fill('555-0100')
  await expect(zoe.page.getByText('No opted-out number like that.')).toBeVisible()
  await zoe.page.getByRole('searchbox').fill('0199')
  await row.getByRole('button', { name: /^Allow texts again/ }).click()
  await expect(zoe.dialog).toContainText('Only if they have said so themselves.')
  await zoe.dialog.getByRole('button', { name: 'They said so' }).click()
  await expect(row).toHaveCount(0)
  await expect(jake.composer).toBeVisible()
  await jake.say('Welcome back')
  await jake.sentAll()

  // By hand, for the whole company, however the number is written.
  await zoe.page.getByRole('searchbox').fill('')
  await zoe.page.getByRole('button', { name: 'Add number' }).click()
  await zoe.dialog.getByLabel('Number', { exact: true }).fill('12')
  await zoe.dialog.getByRole('button', { name: 'Record' }).click()
  await expect(zoe.dialog.getByRole('alert')).toBeVisible()
  await expect(zoe.dialog.getByLabel('Number', { exact: true })).toHaveValue('12')
  await expect(zoe.dialog.getByLabel('Number', { exact: true })).toBeFocused()
  await zoe.dialog.getByLabel('Number', { exact: true }).fill('(404) 555-0199')
  await zoe.dialog.getByLabel('Reason').fill('Wrote a letter')
  await zoe.dialog.getByRole('button', { name: 'Record' }).click()
  await expect(row).toContainText('no texts from the whole company')
  await expect(row).toContainText('“Wrote a letter”')
  await expect(jake.composer).toHaveCount(0)
})

test('a queue with open conversations can’t be deleted, and says so; then it can, and its number leads nowhere', async ({
  engine,
  administer,
}) => {
  const { support } = await engine.queues()
  await engine.text(CUSTOMER, 'Is it ready?', { to: SUPPORT })
  const ann = await engine.client('202')
  await ann.agent(support)
  const zoe = await administer()
  await go(zoe, 'SMS queues')
  await edit(zoe, 'SMS queues', 'SMS Support Queue')
  await zoe.dialog.getByRole('button', { name: 'Delete this queue…' }).click()
  const really = zoe.page.getByRole('dialog', { name: 'Delete SMS Support Queue?' })
  await really.getByRole('button', { name: 'Delete', exact: true }).click()
  await expect(really.getByRole('alert')).toHaveText('Conversations are open in this queue: close or transfer them first.')
  await ann.step(support, CUSTOMER, 'claim')
  await ann.step(support, CUSTOMER, 'close')
  await really.getByRole('button', { name: 'Delete', exact: true }).click()
  await expect(zoe.notice('SMS Support Queue is deleted')).toBeVisible()
  await expect(listed(zoe, 'SMS queues', 'SMS Support Queue')).toHaveCount(0)
  expect((await number(engine, SUPPORT)).queue ?? null).toBe(null)
})

test('a refused field says why, keeps what was typed, and takes the focus', async ({ engine, administer }) => {
  const zoe = await administer()
  await go(zoe, 'Alert tone and settings')
  await zoe.page.getByLabel('A sound of your own').check()
  await zoe.page.getByLabel('Address of the sound').fill('http://sounds.example.com/ding.mp3')
  await zoe.page.getByLabel('Reasons to pause').fill('Lunch\n\n  Break  ')
  await expect(zoe.page.getByText('2 changes')).toBeVisible()
  await save(zoe).click()
  const tone = zoe.page.getByRole('group', { name: 'Alert tone' })
  await expect(tone.getByRole('alert')).toHaveText('The name of a tone, or an https URL.')
  await expect(zoe.page.getByLabel('Address of the sound')).toHaveValue('http://sounds.example.com/ding.mp3')
  await expect(zoe.page.getByLabel('Reasons to pause')).toHaveValue('Lunch\n\n  Break  ')
  await zoe.page.getByRole('radio', { name: 'Bell' }).check()
  await save(zoe).click()
  await expect(zoe.notice('Saved.')).toBeVisible()
  expect(await engine.pbx('GET', '/v1/pbx/settings')).toMatchObject({ alert_tone: 'bell', pause_reasons: ['Lunch', 'Break'] })
  await expect(zoe.page.getByLabel('Reasons to pause')).toHaveValue('Lunch\nBreak')

  await zoe.page.getByLabel('Answer to HELP').fill('x'.repeat(1_601))
  await save(zoe).click()
  await expect(zoe.page.getByLabel('Answer to HELP')).toBeFocused()
  await expect(zoe.page.getByLabel('Answer to HELP')).toHaveAccessibleDescription('1 to 1,600 characters.')
  await zoe.page.getByRole('button', { name: 'Cancel' }).click()
  await expect(zoe.page.getByLabel('Answer to HELP')).toHaveValue('')
  await expect(zoe.page.getByRole('alert')).toHaveCount(0)

  await go(zoe, 'People')
  await edit(zoe, 'People', 'Jake Miller')
  await zoe.dialog.getByLabel('Name', { exact: true }).fill('Jake M.')
  await zoe.dialog.getByLabel('New password').fill('short')
  await save(zoe).click()
  await expect(zoe.dialog.getByLabel('New password')).toHaveAccessibleDescription('8 to 200 characters.')
  await expect(zoe.dialog.getByLabel('New password')).toBeFocused()
  await expect(zoe.dialog.getByLabel('Name', { exact: true })).toHaveValue('Jake M.')
})

test('what two administrators change of the same number at the same time is all kept', async ({ engine, enter, administer }) => {
  await engine.telephones()
  await makeAdmin(engine, '203', 'Omar Haddad')
  const zoe = await administer()
  const omar = await enter('203')
  await tab(omar).click()
  await edit(zoe, 'Phone numbers', 'Sales')
  await edit(omar, 'Phone numbers', 'Sales')
  await omar.dialog.getByLabel('A person').check()
  await choose(omar, 'Person', 'Ann Lee')
  await saved(omar)
  await expect(listed(zoe, 'Phone numbers', 'Sales')).toContainText('Ann Lee (202)')
  await zoe.dialog.getByLabel('Label').fill('Sales and orders')
  await zoe.dialog.getByRole('switch', { name: 'SMS plan' }).click()
  await expect(zoe.dialog.getByText('2 changes')).toBeVisible()
  await saved(zoe)
  expect(await number(engine, SALES)).toMatchObject({ label: 'Sales and orders', sms_enabled: false, carrier: 'sim', extension: '202' })
  await expect(listed(omar, 'Phone numbers', 'Sales and orders')).toContainText('No SMS')
})

test('numbers are added as people write them, and given up; one that is there is not overwritten', async ({ engine, administer }) => {
  await engine.telephones()
  const zoe = await administer()
  const add = async (typed: string): Promise<void> => {
    await zoe.dialog.getByLabel('Number', { exact: true }).fill(typed)
    await zoe.dialog.getByRole('button', { name: 'Add', exact: true }).click()
  }
  await zoe.page.getByRole('button', { name: 'Add number' }).click()
  await zoe.dialog.getByLabel('Label').fill('Warehouse')
  await add('(404) 555-0101')
  await expect(zoe.dialog.getByRole('alert')).toHaveText('That number is in the list already.')
  await add('911')
  await expect(zoe.dialog.getByRole('alert')).toBeVisible()
  await expect(zoe.dialog.getByLabel('Label')).toHaveValue('Warehouse')
  await add('(404) 555-0130')
  await expect(listed(zoe, 'Phone numbers', 'Warehouse')).toContainText('+1 404-555-0130')
  expect(await number(engine, SALES)).toMatchObject({ label: 'Sales' })

  await zoe.page.getByRole('searchbox').fill('0130')
  await expect(zoe.page.getByRole('list', { name: 'Phone numbers' }).getByRole('listitem')).toHaveCount(1)
  await edit(zoe, 'Phone numbers', 'Warehouse')
  await zoe.dialog.getByRole('button', { name: 'Give this number up…' }).click()
  await zoe.page.getByRole('dialog', { name: 'Give up +1 404-555-0130?' }).getByRole('button', { name: 'Give up', exact: true }).click()
  await expect(zoe.page.getByText('No number like that.')).toBeVisible()
  expect(await number(engine, '+14045550130')).toBe(undefined)
})

test('of many numbers a part is in the page; the others are found, and come as one scrolls', async ({ engine, administer }) => {
  for (let i = 0; i < 300; i++) await engine.number(`+1404556${String(i).padStart(4, '0')}`, `Line ${i}`)
  const zoe = await administer()
  const rows = zoe.page.getByRole('list', { name: 'Phone numbers' }).getByRole('listitem')
  await expect(rows.first()).toBeVisible()
  expect(await rows.count()).toBeLessThan(200)
  await zoe.page.getByRole('searchbox').fill('Line 299')
  await expect(rows).toHaveCount(1)
  await zoe.page.getByRole('searchbox').press('Escape')
  await expect(rows.nth(1)).toBeVisible()
  const last = listed(zoe, 'Phone numbers', 'Line 299')
  for (let i = 0; i < 12 && (await last.count()) === 0; i++) {
    const before = await rows.count()
    await rows.last().scrollIntoViewIfNeeded()
    await expect.poll(() => rows.count()).toBeGreaterThan(before)
  }
  await expect(last).toHaveCount(1)
})

test('people: caller IDs in an order, a new role, a new password, disabled; what is not shown stays', async ({ engine, arrive, enter, administer }) => {
  await engine.telephones()
  const zoe = await administer()
  await go(zoe, 'People')
  await expect(listed(zoe, 'People', 'Zoë Brandt')).toContainText('Administrator')
  await edit(zoe, 'People', 'Jake Miller')
  await expect(zoe.dialog.getByLabel('New password')).toHaveValue('')
  const ids = zoe.dialog.getByRole('list', { name: 'Caller IDs' }).getByRole('listitem')
  await expect(ids).toContainText(['Main line', 'Sales'])
  await zoe.dialog.getByRole('button', { name: /^Move Sales.* up$/ }).click()
  await expect(ids).toContainText(['Sales', 'Main line'])
  await zoe.dialog.getByLabel('Role').selectOption('supervisor')
  await saved(zoe)
  // Whose password nobody has touched goes on with it.
  const jake = await enter('201')
  await expect(listed(zoe, 'People', 'Jake Miller')).toContainText('Supervisor')
  const { items } = await engine.pbx('GET', '/v1/pbx/extensions?q=201')
  expect(items).toMatchObject([{ name: 'Jake Miller', role: 'supervisor', caller_ids: [SALES, MAIN], enabled: true }])

  await edit(zoe, 'People', 'Jake Miller')
  await zoe.dialog.getByRole('switch', { name: 'May sign in' }).click()
  await saved(zoe)
  await expect(jake.page.getByRole('button', { name: 'Sign in' })).toBeVisible()
  await expect(listed(zoe, 'People', 'Jake Miller')).toContainText('Disabled')

  // Nobody shuts themselves out.
  await edit(zoe, 'People', 'Zoë Brandt')
  await expect(zoe.dialog.getByLabel('Role')).toBeDisabled()
  await expect(zoe.dialog.getByRole('switch', { name: 'May sign in' })).toBeDisabled()
  await zoe.page.keyboard.press('Escape')

  await zoe.page.getByRole('button', { name: 'Add person' }).click()
  await zoe.dialog.getByLabel('Extension').fill('201')
  await zoe.dialog.getByLabel('Name', { exact: true }).fill('Eve')
  await zoe.dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(zoe.dialog.getByRole('alert')).toHaveText('Somebody has that extension already.')
  await zoe.dialog.getByLabel('Extension').fill('205')
  await zoe.dialog.getByLabel('New password').fill('secret-205')
  await zoe.dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(listed(zoe, 'People', 'Eve')).toBeVisible()
  const eve = await arrive('205' as Number)
  await eve.signIn()

  // Deleted, after asking.
  await edit(zoe, 'People', 'Eve')
  await zoe.dialog.getByRole('button', { name: 'Delete this person…' }).click()
  await zoe.page.getByRole('dialog', { name: 'Delete Eve?' }).getByRole('button', { name: 'Delete', exact: true }).click()
  await expect(zoe.notice('Eve is deleted')).toBeVisible()
  await expect(listed(zoe, 'People', 'Eve')).toHaveCount(0)
  await expect(eve.page.getByRole('button', { name: 'Sign in' })).toBeVisible()
})

test('a person’s phonebooks are set in an order', async ({ engine, administer }) => {
  await engine.phonebook('customers', 'Customers', 'crm', { 'Mia Wong': CUSTOMER })
  await engine.phonebook('suppliers', 'Suppliers', 'manual', {})
  const zoe = await administer()
  await go(zoe, 'People')
  await edit(zoe, 'People', 'Jake Miller')
  await zoe.dialog.getByLabel('Add a phonebook').selectOption('Suppliers')
  await zoe.dialog.getByLabel('Add a phonebook').selectOption('Customers')
  await zoe.dialog.getByRole('button', { name: 'Move Customers up' }).click()
  await saved(zoe)
  const { items } = await engine.pbx('GET', '/v1/pbx/extensions?q=201')
  expect(items).toMatchObject([{ phonebooks: ['customers', 'suppliers'] }])
})

test('activity tells who changed what, in words, and can be filtered', async ({ engine, administer }) => {
  const { support } = await engine.queues()
  await (await engine.client('201')).agent(support, true, 'Lunch')
  await engine.call('', 'POST', '/v1/login', { extension: '202', password: 'not the password' }).catch(() => undefined)
  const zoe = await administer()
  await edit(zoe, 'Phone numbers', 'Billing')
  await zoe.dialog.getByLabel('Label').fill('Invoices')
  await saved(zoe)
  await go(zoe, 'Activity')
  const rows = zoe.page.getByRole('list', { name: 'Activity' }).getByRole('listitem')
  await expect(rows.first()).toContainText('Zoë Brandt (204) changed the number +1 404-555-0111: Invoices, texts go to Billing Queue')
  await expect(listed(zoe, 'Activity', 'Jake Miller (201) paused Jake Miller (201) in SMS Support Queue: Lunch')).toBeVisible()
  await expect(listed(zoe, 'Activity', 'The engine refused a sign-in as Ann Lee (202)')).toBeVisible()
  await expect(listed(zoe, 'Activity', 'The phone system').first()).toBeVisible()

  await zoe.page.getByLabel('What', { exact: true }).selectOption('Signed in')
  await expect(rows).toContainText(['Zoë Brandt (204) signed in', 'Jake Miller (201) signed in'])
  await zoe.page.getByRole('combobox', { name: 'Who' }).fill('Jake')
  await zoe.page.getByRole('option', { name: 'Jake Miller' }).click()
  await expect(rows).toHaveCount(1)
  await expect(rows).toContainText('Jake Miller (201) signed in')
  await zoe.page.getByRole('button', { name: 'Take Jake Miller off the list' }).click()
  await expect(rows).toHaveCount(2)
})

test('of a long history a part is in the page, and more comes as one scrolls', async ({ engine, administer }) => {
  for (let i = 0; i < 120; i++) await engine.number(MAIN, `Line ${i}`)
  const zoe = await administer()
  await go(zoe, 'Activity')
  const rows = zoe.page.getByRole('list', { name: 'Activity' }).getByRole('listitem')
  await expect(rows.first()).toBeVisible()
  expect(await rows.count()).toBeLessThan(110)
  const oldest = rows.filter({ hasText: 'added Jake Miller (201)' })
  for (let i = 0; i < 8 && (await oldest.count()) === 0; i++) {
    const before = await rows.count()
    await rows.last().scrollIntoViewIfNeeded()
    await expect.poll(() => rows.count()).toBeGreaterThan(before)
  }
  await expect(oldest).toHaveCount(1)
})

test('what a carrier sent for nobody’s number is kept, and replayed when it is somebody’s', async ({ engine, enter, administer }) => {
  await engine.telephones()
  await engine.text(CUSTOMER, 'To a new number', { to: '+14045550140' }).catch(() => undefined)
  const zoe = await administer()
  await go(zoe, 'Dead letters')
  const rows = zoe.page.getByRole('list', { name: 'Dead letters' }).getByRole('listitem')
  await expect(rows).toHaveCount(1)
  await rows.getByRole('button', { name: 'Show' }).click()
  await expect(rows).toContainText('To a new number')
  await rows.getByRole('button', { name: 'Replay' }).click()
  await expect(rows.getByRole('alert')).toBeVisible()
  await engine.number('+14045550140', 'New line', { extension: '201' })
  await engine.provision('201', { caller_ids: [MAIN, '+14045550140'] })
  const jake = await enter('201')
  await rows.getByRole('button', { name: 'Replay' }).click()
  await expect(zoe.page.getByText('None. Nice.')).toBeVisible()
  await expect(jake.row(SHOWN)).toContainText('To a new number')
})

test('a webhook: its secret is shown once, what can’t be delivered is seen, replayed, and it is deleted after asking', async ({
  engine,
  administer,
}) => {
  const zoe = await administer({ permissions: ['clipboard-read', 'clipboard-write'] })
  const { page } = zoe
  await go(zoe, 'Webhooks')
  await expect(page.getByText('No program is told of anything.')).toBeVisible()
  await page.getByRole('button', { name: 'Add webhook' }).click()
  await zoe.dialog.getByLabel('Name', { exact: true }).fill('Our CRM')
  await zoe.dialog.getByLabel('Address').fill('https://127.0.0.1/hooks')
  await zoe.dialog.getByRole('switch', { name: 'All events' }).click()
  await expect(zoe.dialog.getByRole('button', { name: 'Add', exact: true })).toBeDisabled()
  await zoe.dialog.getByLabel('message.created').check()
  await zoe.dialog.getByLabel('settings.updated').check()
  await zoe.dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(zoe.dialog.getByLabel('Address')).toBeFocused()
  await expect(zoe.dialog.getByLabel('Address')).toHaveValue('https://127.0.0.1/hooks')
  await zoe.dialog.getByLabel('Address').fill('https://crm.invalid/hooks')
  await zoe.dialog.getByRole('button', { name: 'Add', exact: true }).click()

  const secret = zoe.dialog.getByLabel('Secret')
  await expect(secret).toHaveValue(/^whsec_.{32,}$/)
  await zoe.dialog.getByRole('button', { name: 'Copy' }).click()
  await expect(zoe.dialog.getByRole('status')).toHaveText('Copied')
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(await secret.inputValue())
  await zoe.dialog.getByRole('button', { name: 'I have it' }).click()
  await expect(zoe.dialog).toHaveCount(0)
  await expect(listed(zoe, 'Webhooks', 'our-crm')).toContainText('2 events')

  await engine.settings({ alert_tone: 'bell' })
  await listed(zoe, 'Webhooks', 'our-crm').getByRole('button').click()
  const sent = listed(zoe, 'Deliveries', 'settings.updated')
  await expect(async () => {
    await page.getByRole('button', { name: 'Refresh' }).click()
    await expect(sent).toContainText('1 attempt', { timeout: 500 })
  }).toPass()
  await expect(sent).toContainText('Waiting')
  await sent.getByRole('button', { name: 'Show' }).click()
  await expect(sent).toContainText('"type": "settings.updated"')
  await sent.getByRole('button', { name: 'Replay' }).click()
  await expect(zoe.notice('It is sent again, the same bytes')).toBeVisible()

  await page.getByRole('button', { name: 'Edit' }).click()
  await zoe.dialog.getByRole('switch', { name: 'All events' }).click()
  await saved(zoe)
  await page.getByRole('button', { name: 'All webhooks' }).click()
  await expect(listed(zoe, 'Webhooks', 'our-crm')).toContainText('All events')
  await listed(zoe, 'Webhooks', 'our-crm').getByRole('button').click()
  await page.getByRole('button', { name: 'Delete…' }).click()
  await zoe.dialog.getByRole('button', { name: 'Delete', exact: true }).click()
  await expect(page.getByText('No program is told of anything.')).toBeVisible()
  expect((await engine.pbx('GET', '/v1/pbx/webhooks')).items).toEqual([])
})

test('a user has no such tab and is refused by the engine; who is made an administrator has it at once, and loses it so', async ({
  engine,
  enter,
}) => {
  const jake = await enter('201')
  await expect(jake.page.getByRole('tab', { name: 'Agent Panel' })).toBeVisible()
  await expect(tab(jake)).toHaveCount(0)
  const client = await engine.client('201')
  for (const [method, path] of [['GET', 'numbers'], ['GET', 'unrouted'], ['PUT', 'settings']] as const) {
    await expect(client.call(method, `/v1/pbx/${path}`, method === 'PUT' ? {} : undefined)).rejects.toThrow(/ 403 .*forbidden/)
  }
  await makeAdmin(engine, '201', 'Jake Miller')
  await tab(jake).click()
  await expect(jake.page.getByText('The company has no phone numbers yet.')).toBeVisible()
  await makeAdmin(engine, '201', 'Jake Miller', 'user')
  await expect(tab(jake)).toHaveCount(0)
  await expect(jake.page.getByText('No conversations yet.')).toBeVisible()
})

test('without a mouse: to a number, its label changed and saved, and back to where one was', async ({ engine, administer }) => {
  await engine.telephones()
  const zoe = await administer()
  const { page } = zoe
  const { keyboard } = page
  await tab(zoe).focus()
  for (const name of ['Alerts', 'Sign out']) {
    await keyboard.press('Tab')
    await expect(page.getByRole('button', { name })).toBeFocused()
  }
  await keyboard.press('Tab')
  await expect(sections(zoe).getByRole('button', { name: 'Phone numbers' })).toBeFocused()
  await keyboard.press('End')
  await expect(sections(zoe).getByRole('button', { name: 'Dead letters' })).toBeFocused()
  await keyboard.press('Home')
  await keyboard.press('ArrowDown')
  await keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'SMS queues', level: 2 })).toBeVisible()
  await keyboard.press('ArrowUp')
  await keyboard.press('Enter')
  const main = listed(zoe, 'Phone numbers', 'Main line').getByRole('button')
  await expect(main).toBeVisible()
  await main.focus()
  await keyboard.press('ArrowDown')
  const sales = listed(zoe, 'Phone numbers', 'Sales').getByRole('button')
  await expect(sales).toBeFocused()
  await keyboard.press('Enter')
  await expect(zoe.dialog.getByLabel('Label')).toBeFocused()
  await keyboard.press('ControlOrMeta+a')
  await keyboard.type('Sales and orders')
  await keyboard.press('Enter')
  await expect(zoe.dialog).toHaveCount(0)
  await expect(zoe.notice('Saved: Sales and orders')).toBeVisible()
  await expect(sales).toBeFocused()
  await keyboard.press('Enter')
  await expect(zoe.dialog).toBeVisible()
  await keyboard.press('Escape')
  await expect(zoe.dialog).toHaveCount(0)
  await expect(sales).toBeFocused()
  expect(await number(engine, SALES)).toMatchObject({ label: 'Sales and orders' })
})

for (const [name, options] of SCREENS) {
  test(`axe finds nothing in the Admin area, ${name}`, async ({ engine, administer }) => {
    test.setTimeout(120_000)
    await engine.telephones()
    await engine.queues({ unclaimed_timeout_s: 1800, timeout_response: 'Nobody is here. We answer tomorrow.' })
    await engine.number(STRAY, 'Old flyer')
    await engine.text(CUSTOMER, 'Is this the shop? I have been waiting here for an hour, and nobody opens the door.', { to: STRAY })
    await engine.pbx('PUT', '/v1/pbx/consents/all/%2B14045550177', { reason: 'Called, and was quite angry about it' })
    await engine.text(CUSTOMER, 'To a new number', { to: '+14045550140' }).catch(() => undefined)
    const zoe = await administer(options)
    const { page } = zoe
    const isNarrow = (options.viewport?.width ?? 1280) < 720
    const look = async (): Promise<void> => {
      await clean(page)
      await fitsIn(page)
    }
    const open = async (section: string): Promise<void> => {
      if (isNarrow && (await sections(zoe).isHidden())) await page.getByRole('button', { name: 'Admin', exact: true }).click()
      await go(zoe, section)
    }
    await look()
    await open('Phone numbers')
    await expect(listed(zoe, 'Phone numbers', 'Main line')).toBeVisible()
    await look()
    await edit(zoe, 'Phone numbers', 'Main line')
    await zoe.dialog.getByLabel('A person').check()
    await zoe.dialog.getByRole('combobox', { name: 'Person' }).fill('a')
    await look()
    await zoe.dialog.getByRole('button', { name: 'Give this number up…' }).click()
    await look()
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await open('SMS queues')
    await edit(zoe, 'SMS queues', 'SMS Support Queue')
    await zoe.dialog.getByLabel('Name', { exact: true }).fill(' ')
    await save(zoe).click()
    await expect(zoe.dialog.getByRole('alert')).toBeVisible()
    await look()
    await page.keyboard.press('Escape')
    await open('Unrouted messages')
    await look()
    await page.getByRole('button', { name: /^Hand to…/ }).click()
    await look()
    await page.keyboard.press('Escape')
    await open('Opted-out numbers')
    await expect(listed(zoe, 'Opted-out numbers', '0177')).toBeVisible()
    await look()
    await page.getByRole('button', { name: 'Add number' }).click()
    await look()
    await page.keyboard.press('Escape')
    await open('Alert tone and settings')
    await page.getByLabel('A sound of your own').check()
    await look()
    await open('People')
    await expect(listed(zoe, 'People', 'Jake Miller')).toBeVisible()
    await look()
    await edit(zoe, 'People', 'Jake Miller')
    await look()
    await page.keyboard.press('Escape')
    await open('Carriers')
    await expect(listed(zoe, 'Carriers', 'sim')).toBeVisible()
    await look()
    await open('Activity')
    await expect(listed(zoe, 'Activity', 'signed in').first()).toBeVisible()
    await look()
    await open('Dead letters')
    await page.getByRole('button', { name: 'Show' }).click()
    await look()
  })
}

for (const [name, options] of SCREENS) {
  test(`axe finds nothing in Webhooks, ${name}`, async ({ engine, administer }) => {
    await engine.pbx('PUT', '/v1/pbx/webhooks/crm', { url: `https://crm.invalid/${'a-long-way/'.repeat(8)}hooks`, events: ['settings.updated'] })
    const zoe = await administer(options)
    const { page } = zoe
    const look = async (): Promise<void> => {
      await clean(page)
      await fitsIn(page)
    }
    await go(zoe, 'Webhooks')
    await expect(listed(zoe, 'Webhooks', 'crm')).toBeVisible()
    await look()
    await page.getByRole('button', { name: 'Add webhook' }).click()
    await zoe.dialog.getByLabel('Name', { exact: true }).fill('Another')
    await zoe.dialog.getByLabel('Address').fill('https://another.invalid/')
    await zoe.dialog.getByRole('switch', { name: 'All events' }).click()
    await look()
    await zoe.dialog.getByLabel('message.created').check()
    await zoe.dialog.getByRole('button', { name: 'Add', exact: true }).click()
    await expect(zoe.dialog.getByLabel('Secret')).toBeVisible()
    await look()
    await page.keyboard.press('Escape')
    await engine.settings({ alert_tone: 'bell' })
    await listed(zoe, 'Webhooks', 'crm').getByRole('button').click()
    await expect(async () => {
      await page.getByRole('button', { name: 'Refresh' }).click()
      await expect(listed(zoe, 'Deliveries', 'settings.updated')).toContainText('1 attempt', { timeout: 500 })
    }).toPass()
    await page.getByRole('button', { name: 'Show' }).click()
    await look()
  })
}
