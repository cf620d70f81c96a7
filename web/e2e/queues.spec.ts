// Queues, as several agents, a supervisor and customers use them at once.
import AxeBuilder from '@axe-core/playwright'
import type { BrowserContextOptions, Page } from '@playwright/test'
import { BILLING, SUPPORT, type Engine, type Number, type QueueSettings } from './engine'
import type { Person } from './person'
import { feel, rang, shown } from './senses'
import { expect, test as base } from './test'

const CUSTOMER = '+14045550199'
const SHOWN = '+1 404-555-0199'
const OTHER = '+14045550198'
const OTHER_SHOWN = '+1 404-555-0198'

interface Office {
  support: string
  billing: string
}

const test = base.extend<{
  settings: QueueSettings
  office: Office
  /** Signs in, available in support unless it is said otherwise. */
  work: (number: Number, options?: BrowserContextOptions & { available?: boolean; feels?: boolean }) => Promise<Person>
}>({
  settings: [{}, { option: true }],
  office: async ({ engine, settings }, use) => {
    await use(await engine.queues(settings))
  },
  work: async ({ engine, office, arrive }, use) => {
    await use(async (number, { available = true, feels = false, ...options } = {}) => {
      if (available) await (await engine.client(number)).agent(office.support)
      const person = await arrive(number, options)
      if (feels) await feel(person)
      await person.signIn()
      await isThere(person)
      return person
    })
  },
})

/** What comes before the list is there is part of it. */
const isThere = ({ page }: Person): Promise<void> => expect(page.locator('.list .row, .list-empty').first()).toBeVisible()

const texts = (engine: Engine, from: string, ...all: string[]): Promise<void> =>
  all.reduce((before, text) => before.then(() => engine.text(from, text, { to: SUPPORT })), Promise.resolve())

async function clean(page: Page): Promise<void> {
  await page.evaluate(() =>
    Promise.allSettled(document.getAnimations().map((a) => a.effect?.getComputedTiming().iterations === Infinity || a.finished)),
  )
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect.soft(violations.map(({ id, nodes }) => ({ id, where: nodes.map((n) => n.failureSummary ?? n.html) }))).toEqual([])
}

test('a customer’s text waits for whoever is available, and its first claim makes it theirs', async ({ engine, office, work }) => {
  const jake = await work('201')
  const ann = await work('202', { available: false })
  await expect(jake.queue).toContainText('Nobody is waiting')
  await texts(engine, CUSTOMER, 'Where is my order?')
  await expect(jake.waiting(SHOWN)).toContainText('Where is my order?')
  await expect(jake.waiting(SHOWN)).toContainText(/0:\d\d/)
  await expect(jake.waiting(SHOWN), 'it ticks').toContainText(/0:0[2-9]|0:[1-5]\d/)
  await expect(jake.page.getByRole('tab', { name: 'Messages, 1 waiting' })).toBeVisible()
  await expect(ann.queue).toHaveCount(0)
  await (await engine.client('202')).agent(office.support)
  await expect(ann.waiting(SHOWN)).toBeVisible()
  await texts(engine, CUSTOMER, 'It is number 4711')
  await expect(ann.waiting(SHOWN)).toContainText('It is number 4711')

  await jake.claim(SHOWN)
  await expect(jake.composer).toBeFocused()
  await expect(jake.queue).toContainText('Nobody is waiting')
  await expect(jake.row(SHOWN).getByText('Q', { exact: true })).toBeVisible()
  await expect(jake.pill('Conversation claimed by Jake Miller (201)')).toBeVisible()
  await expect(ann.notice(`Jake Miller claimed the conversation with ${SHOWN}`)).toBeVisible()
  await expect(ann.waiting(SHOWN)).toHaveCount(0)
  await expect(jake.notice('claimed the conversation')).toHaveCount(0)

  await jake.say('I have a look')
  await expect(jake.deliveries).toHaveText(['Delivered'])
  expect(await engine.received(CUSTOMER)).toEqual(['I have a look'])
  await texts(engine, CUSTOMER, 'Thank you')
  await expect(jake.text('Thank you')).toBeVisible()
  await expect(ann.rows).toHaveCount(0)
})

test('two agents press Claim at the same moment: one has it, the other learns who', async ({ engine, work }) => {
  const jake = await work('201')
  const ann = await work('202')
  await texts(engine, CUSTOMER, 'Hello?')
  const both = [jake, ann]
  for (const one of both) await expect(one.waiting(SHOWN)).toBeVisible()

  let release = (): void => undefined
  const made = new Promise<void>((done) => (release = done))
  let asked = 0
  for (const { page } of both) {
    await page.route('**/v1/conversations/*/claim', async (route) => {
      if (++asked === both.length) release()
      await made
      await route.continue()
    })
  }
  await Promise.all(both.map((one) => one.waiting(SHOWN).getByRole('button', { name: 'Claim' }).click()))
  for (const one of both) await expect(one.waiting(SHOWN)).toHaveCount(0)
  await expect.poll(async () => (await Promise.all(both.map((one) => one.rows.count()))).reduce((a, b) => a + b)).toBe(1)
  const [winner, loser] = (await jake.rows.count()) === 1 ? [jake, ann] : [ann, jake]
  await expect(winner.composer).toBeVisible()
  await expect(loser.notice(`${winner.name} claimed the conversation with ${SHOWN}`)).toBeVisible()
  await expect(loser.composer).toHaveCount(0)
  await expect(winner.notice('claimed the conversation')).toHaveCount(0)
})

test('one reads before claiming, hears what comes meanwhile, and is told who was faster', async ({ engine, work }) => {
  const jake = await work('201')
  const ann = await work('202')
  await texts(engine, CUSTOMER, 'Hello', 'My chair is broken')
  await jake.read(SHOWN)
  await expect(jake.texts).toHaveText(['Hello', 'My chair is broken'])
  await expect(jake.pill('Entered SMS Support Queue')).toBeVisible()
  await expect(jake.composer).toHaveCount(0)
  await expect(jake.page.getByText('Waiting for an agent')).toBeVisible()
  await texts(engine, CUSTOMER, 'And so is the table')
  await expect(jake.texts).toHaveText(['Hello', 'My chair is broken', 'And so is the table'])

  await texts(engine, OTHER, 'Are you open?')
  await ann.read(OTHER_SHOWN)
  await jake.claim(OTHER_SHOWN)
  await expect(ann.notice(`Jake Miller claimed the conversation with ${OTHER_SHOWN}`)).toBeVisible()
  await expect(ann.page.getByRole('log')).toHaveCount(0)

  await jake.read(SHOWN)
  await jake.page.locator('.conversation').getByRole('button', { name: 'Claim' }).click()
  await expect(jake.composer).toBeFocused()
  await expect(jake.texts).toHaveText(['Hello', 'My chair is broken', 'And so is the table'])
})

test.describe('with four seconds to answer', () => {
  test.use({ settings: { idle_timeout_s: 4 } })

  test('who doesn’t is counted down, and the conversation is back in the queue', async ({ engine, work }) => {
    const jake = await work('201')
    const ann = await work('202')
    await texts(engine, CUSTOMER, 'Hello?')
    await jake.claim(SHOWN)
    await expect(jake.page.getByText(/^Goes back to the queue in 0:0\d unless you reply$/)).toBeVisible()
    await expect(ann.waiting(SHOWN)).toHaveCount(0)
    await expect(ann.waiting(SHOWN)).toBeVisible()
    await expect(jake.notice(`The conversation with ${SHOWN} is back in the queue: no reply in time`)).toBeVisible()
    await expect(jake.page.getByRole('log')).toHaveCount(0)
    await expect(jake.rows).toHaveCount(0)
    await expect(jake.waiting(SHOWN)).toBeVisible()
    await ann.read(SHOWN)
    await expect(ann.pill('Conversation released back to queue: no reply from Jake Miller (201)')).toBeVisible()
  })

  test('who answers keeps it', async ({ engine, work }) => {
    const jake = await work('201')
    await texts(engine, CUSTOMER, 'Hello?')
    await jake.claim(SHOWN)
    const countdown = jake.page.getByText(/^Goes back to the queue in/)
    await expect(countdown.first()).toBeVisible()
    await jake.say('I am here')
    await expect(countdown).toHaveCount(0)
    await expect(jake.deliveries).toHaveText(['Delivered'])
    // The customer is owed nothing: whatever the clock says.
    await texts(engine, OTHER, 'Another')
    await jake.claim(OTHER_SHOWN)
    await expect(jake.notice(`The conversation with ${OTHER_SHOWN} is back in the queue: no reply in time`)).toBeVisible()
    await expect(jake.row(SHOWN)).toBeVisible()
  })
})

test('a conversation is handed to an agent, with a dialog that says who can’t take it', async ({ engine, office, work }) => {
  const jake = await work('201', { feels: true })
  const ann = await work('202', { feels: true })
  await (await engine.client('203')).agent(office.support, true, 'Lunch')
  await texts(engine, CUSTOMER, 'Hello')
  await rang(1, ann)
  await jake.claim(SHOWN)
  await jake.step('Transfer').click()
  const { dialog } = jake
  await expect(dialog.getByRole('radio', { name: /^Omar Haddad/ })).toBeDisabled()
  await expect(dialog.getByText('paused: Lunch')).toBeVisible()
  await expect(dialog.getByRole('radio', { name: /Jake/ })).toHaveCount(0)
  const hand = dialog.getByRole('button', { name: 'Transfer' })
  await expect(hand).toBeDisabled()
  await dialog.getByRole('radio', { name: /^Ann Lee/ }).check()

  // Whoever went meanwhile takes nothing, and the dialog says so.
  const anns = await engine.client('202')
  await anns.agent(office.support, true, 'Coffee')
  await hand.click()
  await expect(dialog.getByRole('alert')).toBeVisible()
  await anns.agent(office.support)
  await hand.click()
  await expect(dialog).toHaveCount(0)
  await expect(jake.notice(`The conversation with ${SHOWN} is with Ann Lee now`)).toBeVisible()
  await expect(jake.rows).toHaveCount(0)
  await expect(jake.page.getByRole('log')).toHaveCount(0)

  await expect(ann.notice(`Jake Miller transferred the conversation with ${SHOWN} to you`)).toBeVisible()
  await rang(2, ann)
  await ann.open(SHOWN)
  await expect(ann.pill('Conversation transferred to Ann Lee (202)')).toBeVisible()
  await ann.say('Hello, this is Ann')
  await expect(ann.deliveries).toHaveText(['Delivered'])
})

test('a conversation is handed to another queue, and released to its own', async ({ engine, office, work }) => {
  const jake = await work('201')
  await (await engine.client('203')).agent(office.billing)
  const omar = await work('203', { available: false })
  await texts(engine, CUSTOMER, 'My invoice is wrong')
  await jake.claim(SHOWN)
  await jake.step('Release').click()
  await expect(jake.notice(`Back in the queue: the conversation with ${SHOWN}`)).toBeVisible()
  await expect(jake.rows).toHaveCount(0)
  await expect(jake.waiting(SHOWN)).toBeVisible()

  await jake.claim(SHOWN)
  await jake.step('Transfer').click()
  await jake.dialog.getByRole('radio', { name: 'Billing Queue' }).check()
  await jake.dialog.getByRole('button', { name: 'Transfer' }).click()
  await expect(jake.notice(`The conversation with ${SHOWN} is with Billing Queue now`)).toBeVisible()
  await expect(jake.rows).toHaveCount(0)
  await expect(jake.queue).toContainText('Nobody is waiting')
  await omar.claim(SHOWN)
  await expect(omar.pill('Conversation released back to queue')).toBeVisible()
  await expect(omar.pill('Conversation transferred to Billing Queue')).toBeVisible()
})

test('after Close the customer’s next text waits anew; what was said before is one step away', async ({ engine, work }) => {
  const jake = await work('201')
  const ann = await work('202')
  await texts(engine, CUSTOMER, 'Where is my order?')
  await jake.claim(SHOWN)
  await jake.say('It is on its way')
  await expect(jake.deliveries).toHaveText(['Delivered'])
  await jake.step('Close').click()
  await expect(jake.notice(`The conversation with ${SHOWN} is closed`)).toBeVisible()
  await expect(jake.rows).toHaveCount(0)

  await texts(engine, CUSTOMER, 'It is here, thank you')
  await ann.claim(SHOWN)
  await expect(ann.texts).toHaveText(['It is here, thank you'])
  await ann.page.getByRole('button', { name: 'Earlier conversations' }).click()
  await expect(ann.texts).toHaveText(['Where is my order?', 'It is on its way', 'It is here, thank you'])
  await expect(ann.pill('Conversation closed by Jake Miller (201)')).toBeVisible()
  await expect(ann.page.getByRole('button', { name: /^Today, .* Jake Miller$/ })).toBeVisible()

  await jake.show('Closed')
  await jake.open(SHOWN)
  await expect(jake.texts).toHaveText(['Where is my order?', 'It is on its way'])
  await expect(jake.page.getByText('Closed by Jake Miller', { exact: true })).toBeVisible()
  await expect(jake.composer).toHaveCount(0)
  // The pair's open one is Ann's.
  await jake.page.getByRole('button', { name: 'Text back' }).click()
  await expect(jake.page.getByRole('alert')).toContainText('Ann Lee')
  await ann.step('Close').click()
  await expect(ann.rows).toHaveCount(0)
  await jake.page.getByRole('button', { name: 'Text back' }).click()
  await expect(jake.composer).toBeFocused()
  await jake.say('Anything else?')
  await expect(jake.deliveries).toHaveText(['Delivered'])
})

test.describe('with three seconds until nobody was available', () => {
  test.use({ settings: { unclaimed_timeout_s: 3, timeout_response: 'We are closed, and text you tomorrow.' } })

  test('the customer is told so, and found under Missed', async ({ engine, work }) => {
    const jake = await work('201')
    await texts(engine, CUSTOMER, 'Anybody?')
    await jake.read(SHOWN)
    await expect(jake.waiting(SHOWN)).toHaveCount(0)
    await expect(jake.notice(`Nobody was available for ${SHOWN}: see Missed`)).toBeVisible()
    await expect.poll(() => engine.received(CUSTOMER)).toEqual(['We are closed, and text you tomorrow.'])
    await expect(jake.page.getByText('Nobody was available: closed unanswered')).toBeVisible()
    await expect(jake.rows).toHaveCount(0)

    await jake.show('Missed')
    await jake.open(SHOWN)
    await expect(jake.texts).toHaveText(['Anybody?', 'We are closed, and text you tomorrow.'])
    await expect(jake.pill('Conversation closed: nobody was available')).toBeVisible()
    await jake.page.getByRole('button', { name: 'Text back' }).click()
    await expect(jake.composer).toBeFocused()
    await jake.say('Good morning!')
    await expect.poll(() => engine.received(CUSTOMER)).toContain('Good morning!')
    await jake.show('All')
    await expect(jake.row(SHOWN)).toHaveCount(1)
  })
})

test('with the keyboard alone: to the queue, from row to row, and Claim', async ({ engine, work }) => {
  const jake = await work('201')
  for (const n of [1, 2, 3]) await texts(engine, `+1404555013${n}`, `Text ${n}`)
  await expect(jake.queue.getByRole('listitem')).toHaveCount(3)
  const { page } = jake
  await page.getByRole('button', { name: 'New', exact: true }).focus()
  await page.keyboard.press('Tab')
  const row = (n: number) => jake.waiting(`+1 404-555-013${n}`).getByRole('button').first()
  await expect(row(1)).toBeFocused()
  await page.keyboard.press('End')
  await expect(row(3)).toBeFocused()
  await page.keyboard.press('ArrowUp')
  await expect(row(2)).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(jake.text('Text 2')).toBeVisible()
  await expect(row(2)).toBeFocused()
  await page.keyboard.press('Tab')
  await expect(jake.waiting('+1 404-555-0132').getByRole('button', { name: 'Claim' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(jake.composer).toBeFocused()
  await page.keyboard.type('Hello')
  await page.keyboard.press('Enter')
  await expect(jake.deliveries).toHaveText(['Delivered'])

  // What another takes under one's fingers leaves them at the next.
  await row(1).focus()
  await (await engine.client('202')).agent((await jakesQueue(engine)).id)
  await (await engine.client('202')).step((await jakesQueue(engine)).id, '+14045550131', 'claim')
  await expect(row(3)).toBeFocused()
})

async function jakesQueue(engine: Engine): Promise<{ id: string }> {
  return (await (await engine.client('201')).queues())[0]!
}

test('two browsers of one agent stay in step, and a reload keeps everything', async ({ engine, work }) => {
  const jake = await work('201')
  const other = await work('201')
  await texts(engine, CUSTOMER, 'Hello')
  await texts(engine, OTHER, 'Hi')
  await other.read(SHOWN)
  await jake.claim(SHOWN)
  await expect(other.composer).toBeVisible()
  await expect(other.waiting(SHOWN)).toHaveCount(0)
  await expect(other.notice('claimed the conversation')).toHaveCount(0)
  await other.say('From the other browser')
  await expect(jake.text('From the other browser')).toBeVisible()
  await jake.sentAll()

  await jake.page.reload()
  await expect(jake.row(SHOWN).getByText('Q', { exact: true })).toBeVisible()
  await expect(jake.waiting(OTHER_SHOWN)).toContainText('Hi')
  await expect(jake.waiting(SHOWN)).toHaveCount(0)
  await jake.open(SHOWN)
  await expect(jake.texts).toHaveText(['Hello', 'From the other browser'])

  await jake.step('Release').click()
  await expect(other.rows).toHaveCount(0)
  await expect(other.waiting(SHOWN)).toBeVisible()
  await other.claim(SHOWN)
  await other.step('Close').click()
  await expect(jake.rows).toHaveCount(0)
  await jake.show('Closed')
  await expect(jake.row(SHOWN)).toBeVisible()
})

test('who was away finds the queue as it is', async ({ engine, office, work }) => {
  const jake = await work('201', { feels: true })
  await texts(engine, CUSTOMER, 'One')
  await texts(engine, OTHER, 'Two')
  await rang(1, jake)
  await jake.read(SHOWN)
  await jake.offline()
  const anns = await engine.client('202')
  await anns.agent(office.support)
  await anns.step(office.support, CUSTOMER, 'claim')
  for (const n of [1, 2, 3]) await texts(engine, `+1404555013${n}`, `Text ${n}`)
  await jake.online()
  await expect(jake.queue.getByRole('listitem')).toHaveCount(4)
  await expect(jake.waiting(SHOWN)).toHaveCount(0)
  await expect(jake.notice(`The conversation with ${SHOWN} is not yours to read any more`)).toBeVisible()
  await rang(2, jake)
})

test('each one that newly waits rings and is shown, a further text of the same does not', async ({ engine, work }) => {
  const jake = await work('201', { feels: true })
  await jake.page.getByRole('button', { name: 'Alerts' }).click()
  await jake.page.getByRole('menuitemcheckbox', { name: 'Desktop notifications' }).click()
  await jake.page.keyboard.press('Escape')
  await texts(engine, CUSTOMER, 'Hello?')
  await rang(1, jake)
  expect(await shown(jake)).toEqual([`${SHOWN} in SMS Support Queue: Hello?`])
  await texts(engine, CUSTOMER, 'Anybody?')
  await expect(jake.waiting(SHOWN)).toContainText('Anybody?')
  await rang(1, jake)
  await texts(engine, OTHER, 'Hi')
  await rang(2, jake)
  await jake.page.evaluate(() => window.senses.shown[0]!.click())
  await expect(jake.log(SHOWN)).toBeVisible()
  await expect(jake.page.getByRole('tab', { name: 'Messages, 2 waiting' })).toBeVisible()
})

test('an agent texts from a queue’s number: the conversation is the queue’s, and theirs', async ({ engine, work }) => {
  await engine.telephones()
  const jake = await work('201')
  const { page, dialog } = jake
  await page.getByRole('button', { name: 'New', exact: true }).click()
  await page.getByRole('menuitem', { name: 'SMS' }).click()
  await dialog.getByLabel('Number').fill(CUSTOMER)
  await dialog.getByLabel('From').selectOption('+1 404-555-0110 · SMS Support Queue')
  await dialog.getByRole('button', { name: 'Open' }).click()
  await expect(jake.log(SHOWN)).toBeVisible()
  await jake.say('Your chair is ready')
  await expect(jake.deliveries).toHaveText(['Delivered'])
  await expect(jake.row(SHOWN).getByText('Q', { exact: true })).toBeVisible()
  await texts(engine, CUSTOMER, 'Great')
  await expect(jake.text('Great')).toBeVisible()

  // Who has no number of their own texts from the queue's.
  const omar = await work('203')
  await omar.page.getByRole('button', { name: 'New', exact: true }).click()
  await omar.page.getByRole('menuitem', { name: 'SMS' }).click()
  await expect(omar.dialog.getByText('From +1 404-555-0110 · SMS Support Queue')).toBeVisible()
  await omar.dialog.getByLabel('Number').fill(CUSTOMER)
  await omar.dialog.getByRole('button', { name: 'Open' }).click()
  await expect(omar.dialog.getByRole('alert')).toContainText('Jake Miller')
})

test('a supervisor reads and steers every queue’s conversations, and writes in none', async ({ engine, office, work }) => {
  await engine.provision('204', { role: 'supervisor' })
  const jake = await work('201')
  const zoe = await work('204', { available: false })
  await texts(engine, CUSTOMER, 'Hello')
  await texts(engine, OTHER, 'Hi')
  await jake.claim(SHOWN)
  await zoe.show('All queues')
  await expect(zoe.rows).toHaveCount(2)
  await zoe.open(SHOWN)
  await expect(zoe.page.getByText('Only Jake Miller writes to the customer')).toBeVisible()
  await expect(zoe.composer).toHaveCount(0)
  await jake.say('I have a look')
  await expect(zoe.text('I have a look'), 'what is told to nobody else is asked for').toBeVisible()
  await zoe.step('Release').click()
  await expect(jake.notice(`The conversation with ${SHOWN} is back in the queue`)).toBeVisible()
  await expect(zoe.page.getByText('Waiting in SMS Support Queue')).toBeVisible()
  await zoe.step('Close').click()
  await expect(jake.notice(`Zoë Brandt closed the conversation with ${SHOWN}`)).toBeVisible()
  await expect(zoe.page.getByText('Closed by Zoë Brandt', { exact: true })).toBeVisible()

  await zoe.open(OTHER_SHOWN)
  await zoe.step('Transfer').click()
  await zoe.dialog.getByRole('radio', { name: 'Billing Queue' }).check()
  await zoe.dialog.getByRole('button', { name: 'Transfer' }).click()
  await expect(jake.notice(`Zoë Brandt transferred the conversation with ${OTHER_SHOWN}`)).toBeVisible()
  await expect(jake.queue).toContainText('Nobody is waiting')
  expect(office.billing).not.toBe(office.support)
})

test('pausing hides the queue; who is paused is told so where they would claim', async ({ engine, office, work }) => {
  const jake = await work('201')
  await texts(engine, CUSTOMER, 'Hello')
  await expect(jake.waiting(SHOWN)).toBeVisible()
  const jakes = await engine.client('201')

  // The pause is committed before the claim arrives.
  await jake.page.route('**/v1/conversations/*/claim', async (route) => {
    await jakes.agent(office.support, true, 'Lunch')
    await route.continue()
  })
  await jake.waiting(SHOWN).getByRole('button', { name: 'Claim' }).click()
  await expect(jake.notice('Log in to the queue first, and end your pause.')).toBeVisible()
  await expect(jake.queue).toHaveCount(0)
  await expect(jake.rows).toHaveCount(0)
})

test('of a long queue only what is in view is in the page', async ({ engine, work }) => {
  test.setTimeout(120_000)
  const jake = await work('201')
  for (let n = 0; n < 60; n++) await texts(engine, `+140455520${String(n).padStart(2, '0')}`, `Text ${n}`)
  await expect(jake.queue).toContainText('60')
  expect(await jake.queue.getByRole('listitem').count()).toBeLessThan(25)
  await expect(jake.waiting('Text 0').first()).toBeVisible()
  await jake.queue.getByRole('button', { name: 'Claim' }).first().focus()
  await jake.page.keyboard.press('End')
  await expect(jake.waiting('Text 59').getByRole('button').first()).toBeFocused()
  const list = (await jake.queue.boundingBox())!
  expect(list.height).toBeLessThan(400)
})

for (const [name, options] of [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['light and 360 px wide', { colorScheme: 'light', viewport: { width: 360, height: 740 } }],
  ['dark and 360 px wide', { colorScheme: 'dark', viewport: { width: 360, height: 740 } }],
] as const) {
  test(`axe finds nothing in a queue, ${name}`, async ({ engine, office, work }) => {
    test.setTimeout(120_000)
    await (await engine.client('203')).agent(office.support, true, 'Lunch')
    const ann = await engine.client('202')
    await ann.agent(office.support)
    await texts(engine, CUSTOMER, 'An earlier one')
    const id = await ann.step(office.support, CUSTOMER, 'claim')
    await ann.write(id, 'Hello, this is Ann')
    await ann.step(office.support, CUSTOMER, 'close')
    await texts(engine, CUSTOMER, 'Where is my order?')
    await texts(engine, OTHER, 'Are you open?')
    await engine.text('+14045550197', 'To billing', { to: BILLING })
    const jake = await work('201', options)
    const { page } = jake
    const back = async (): Promise<void> => {
      const button = page.getByRole('button', { name: 'Back to the list' })
      if (await button.isVisible()) await button.click()
    }
    await expect(jake.waiting(SHOWN)).toBeVisible()
    await clean(page)
    await jake.read(SHOWN)
    await expect(jake.text('Where is my order?')).toBeVisible()
    await clean(page)
    await page.locator('.conversation').getByRole('button', { name: 'Claim' }).click()
    await expect(jake.composer).toBeVisible()
    await page.getByRole('button', { name: 'Earlier conversations' }).click()
    await expect(jake.text('Hello, this is Ann')).toBeVisible()
    await clean(page)
    await jake.step('Transfer').click()
    await expect(jake.dialog.getByText('paused: Lunch')).toBeVisible()
    await clean(page)
    await page.keyboard.press('Escape')
    await expect(jake.dialog).toHaveCount(0)
    await back()
    await expect(jake.row(SHOWN)).toBeVisible()
    await clean(page)
    if (await page.getByRole('button', { name: 'Back to the list' }).isHidden()) await jake.open(SHOWN)
    await jake.step('Close').click()
    await expect(jake.notice('is closed')).toBeVisible()
    await clean(page)
    await jake.show('Closed')
    await jake.open(SHOWN)
    await expect(page.getByRole('button', { name: 'Text back' })).toBeVisible()
    await clean(page)
  })
}
