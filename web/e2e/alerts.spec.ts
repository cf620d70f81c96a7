import type { BrowserContextOptions } from '@playwright/test'
import type { Number } from './engine'
import type { Person } from './person'
import { feel, goAway, rang, shown, tones } from './senses'
import { expect, test as base } from './test'

/** Somebody whose tones and notifications are counted. */
const test = base.extend<{ feelingly: (number: Number, options?: BrowserContextOptions) => Promise<Person> }>({
  feelingly: async ({ arrive }, use) => {
    await use(async (number, options) => {
      const person = await arrive(number, options)
      await feel(person)
      await person.signIn()
      // What comes before the list is there is part of it, and rings for nobody.
      await expect(person.page.locator('.list .row, .list-empty').first()).toBeVisible()
      return person
    })
  },
})

test('a text in a conversation that I do not look at rings, once', async ({ engine, feelingly }) => {
  const ann = await engine.client('202')
  const omar = await engine.client('203')
  await ann.say('201', 'Before I came')
  const jake = await feelingly('201')
  await jake.open('Ann Lee')

  await omar.say('201', 'Lunch?')
  await rang(1, jake)
  expect(await jake.page.evaluate(() => window.senses.loudest)).toBeGreaterThan(0.05)
  expect(await jake.page.evaluate(() => window.senses.loudest)).toBeLessThan(0.9)

  // What is open and looked at does not; what I write does not.
  await ann.say('201', 'You see this')
  await expect(jake.text('You see this')).toBeVisible()
  await jake.say('I do')
  await jake.sentAll()
  await rang(1, jake)

  // Open, but nobody looks.
  await goAway(jake.page)
  await ann.say('201', 'Are you there?')
  await rang(2, jake)
  await goAway(jake.page, false)

  // Many at once are one.
  await Promise.all(['202', '203', '204'].map(async (n) => (await engine.client(n)).say('201', 'All', 'at', 'once')))
  await expect(jake.row('Zoë Brandt')).toContainText('3 unread')
  await rang(3, jake)
})

test('what the engine says in a group does not ring, what people say does', async ({ engine, feelingly }) => {
  const anns = await engine.client('202')
  const jake = await feelingly('201')
  await anns.group('Ops', '201')
  await anns.rename('Ops', 'Repairs')
  await anns.add('Repairs', '203')
  await expect(jake.row('Repairs')).toContainText('Omar Haddad (203) added by Ann Lee (202)')
  await rang(0, jake)
  await anns.sayIn('Repairs', 'Hello')
  await rang(1, jake)
})

test('of many tabs one rings, and none while one of them shows it', async ({ engine, feelingly }) => {
  const ann = await engine.client('202')
  await ann.say('201', 'Hi')
  const jake = await feelingly('201')
  const tabs = [jake, await jake.tab(), await jake.tab()]
  await ann.say('201', 'One of you')
  await rang(1, ...tabs)

  await tabs[1]!.open('Ann Lee')
  await ann.say('201', 'All of you see this')
  await expect(tabs[1]!.text('All of you see this')).toBeVisible()
  await rang(1, ...tabs)

  await tabs[0]!.page.close()
  await tabs[1]!.page.close()
  const before = await tones(tabs[2]!)
  await ann.say('201', 'Still there?')
  await rang(before + 1, tabs[2]!)
})

test('what was missed rings once at most', async ({ engine, feelingly }) => {
  const ann = await engine.client('202')
  const jake = await feelingly('201')
  // Only who was there has missed something.
  await expect(jake.notice('No conversations yet.')).toBeVisible()
  await jake.offline()
  await ann.say('201', 'One', 'Two', 'Three')
  await (await engine.client('203')).say('201', 'Four')
  await jake.online()
  await expect(jake.row('Ann Lee')).toContainText('3 unread')
  await rang(1, jake)

  // Nothing is missed by who has just come.
  await jake.page.reload()
  await expect(jake.row('Ann Lee')).toContainText('3 unread')
  await rang(0, jake)
})

test('sounds can be turned off, in this browser', async ({ engine, feelingly }) => {
  const ann = await engine.client('202')
  const jake = await feelingly('201')
  const other = await jake.tab()
  const { page } = jake
  await page.getByRole('button', { name: 'Alerts' }).click()
  const sounds = page.getByRole('menuitemcheckbox', { name: 'Sounds' })
  await expect(sounds).toBeChecked()
  await sounds.click()
  await expect(sounds).not.toBeChecked()
  await page.keyboard.press('Escape')

  await ann.say('201', 'Quietly')
  await expect(other.row('Ann Lee')).toContainText('1 unread')
  await rang(0, jake, other)
  await page.reload()
  await jake.isIn()
  await ann.say('201', 'Still')
  await rang(0, jake, other)

  // Turned on, it is heard how it sounds.
  await page.getByRole('button', { name: 'Alerts' }).click()
  await sounds.click()
  await rang(1, jake, other)
})

test('the administrator’s tone counts as soon as it is set, and may be a sound of their own', async ({ engine, feelingly }) => {
  const ann = await engine.client('202')
  const jake = await feelingly('201')
  await ann.say('201', 'One of ours')
  await rang(1, jake)
  const heard = jake.page.waitForResponse('**/v1/settings')
  await engine.settings({ alert_tone: 'https://sounds.example.com/ding.mp3' })
  await heard
  await ann.say('201', 'Ding')
  await expect.poll(() => jake.page.evaluate(() => window.senses.played)).toEqual(['https://sounds.example.com/ding.mp3'])
  await rang(1, jake)
})

test('a customer’s text rings, and is shown by a number that people can read; how a text fares does not', async ({
  engine,
  feelingly,
}) => {
  await engine.telephones()
  const jake = await feelingly('201')
  await jake.page.getByRole('button', { name: 'Alerts' }).click()
  await jake.page.getByRole('menuitemcheckbox', { name: 'Desktop notifications' }).click()
  await jake.page.keyboard.press('Escape')
  await engine.text('+14045550199', 'Anybody there?')
  await rang(1, jake)
  expect(await shown(jake)).toEqual(['+1 404-555-0199: Anybody there?'])
  await jake.open('+1 404-555-0199')
  await jake.say('We are')
  await expect(jake.deliveries).toHaveText(['Delivered'])
  await rang(1, jake)
})

test('unread shows on the tab, in the title and on the browser’s tab', async ({ engine, feelingly }) => {
  const jake = await feelingly('201')
  const icon = jake.page.locator('link[rel=icon]')
  await expect(jake.page.getByRole('tab', { name: 'Messages', exact: true })).toHaveAttribute('aria-selected', 'true')
  await expect(icon).toHaveAttribute('href', '/icon.svg')
  await (await engine.client('202')).say('201', 'One', 'Two')
  await expect(jake.page.getByRole('tab', { name: 'Messages, 2 unread' })).toBeVisible()
  await expect(jake.page).toHaveTitle('(2) Partyline')
  await expect(icon).toHaveAttribute('href', '/icon-unread.svg')
  await jake.open('Ann Lee')
  await expect(jake.page.getByRole('tab', { name: 'Messages', exact: true })).toBeVisible()
  await expect(icon).toHaveAttribute('href', '/icon.svg')
})

test('desktop notifications: after asking, by one tab, and a click leads there', async ({ engine, feelingly }) => {
  const ann = await engine.client('202')
  const jake = await feelingly('201')
  const other = await jake.tab()
  await ann.say('201', 'Nobody asked yet')
  await rang(1, jake, other)
  expect(await shown(jake, other)).toEqual([])
  expect(await jake.page.evaluate(() => window.senses.asked)).toBe(0)

  await jake.page.getByRole('button', { name: 'Alerts' }).click()
  await jake.page.getByRole('menuitemcheckbox', { name: 'Desktop notifications' }).click()
  await expect(jake.page.getByRole('menuitemcheckbox', { name: 'Desktop notifications' })).toBeChecked()
  expect(await jake.page.evaluate(() => window.senses.asked)).toBe(1)
  await jake.page.keyboard.press('Escape')

  for (const tab of [jake, other]) await goAway(tab.page)
  await ann.say('201', 'Can you come?')
  await expect.poll(() => shown(jake, other)).toEqual(['Ann Lee: Can you come?'])
  await ann.group('Ops', '201')
  await ann.sayIn('Ops', 'To all')
  await expect.poll(() => shown(jake, other)).toEqual(['Ann Lee: Can you come?', 'Ann Lee in Ops: To all'])

  const tab = (await shown(jake)).length > 0 ? jake : other
  await tab.page.evaluate(() => window.senses.shown.at(-1)!.click())
  await expect(tab.page.getByRole('log')).toBeVisible()
})
