// Pictures to look at: `test-results/screens/`. With README_SCREENSHOT=1, the one of the README instead.
import type { BrowserContextOptions } from '@playwright/test'
import { resolve } from 'node:path'
import { NAMES, type Engine } from './engine'
import type { Person } from './person'
import { expect, test } from './test'

const folder = resolve(import.meta.dirname, '../test-results/screens')
const readme = resolve(import.meta.dirname, '../../docs/chat.png')

type Enter = (number: '201' | '202' | '203', options?: BrowserContextOptions) => Promise<Person>

/** A day at the office, as Jake sees it. */
async function office(engine: Engine, enter: Enter, options: BrowserContextOptions): Promise<Person> {
  await (await engine.client('204')).say('201', 'The new price list is on the shared drive')
  await (await engine.client('203')).say('201', 'Lunch at half past twelve?', 'The Thai place')
  const annsPhone = await engine.client('202')
  await annsPhone.say('201', 'Morning! Did the customer from Springfield call back?')
  const ann = await enter('202')
  await ann.open('Jake Miller')
  const jake = await enter('201', options)
  await jake.open('Ann Lee')
  await jake.say('She did, ten minutes ago 👍', 'She takes the offer, and wants the delivery on Thursday')
  await jake.sentAll()
  await annsPhone.say('201', 'Wonderful. I write the order now: https://orders.example.com/4711')
  await expect(jake.texts).toHaveCount(4)
  await jake.say('Thank you! 40 chairs, and 10 of the round tables')
  await jake.sentAll()
  await annsPhone.say('201', 'Both in stock 🎉')
  await expect(jake.texts).toHaveCount(6)
  await jake.say('You’re the best')
  await expect(jake.page.getByText('Read by Ann Lee')).toBeVisible()
  await ann.composer.pressSequentially('And then')
  await expect(jake.typing('Ann Lee')).toBeVisible()
  return jake
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [size, viewport] of [
    ['wide', { width: 1280, height: 800 }],
    ['360', { width: 360, height: 740 }],
  ] as const) {
    test(`pictures, ${colorScheme}, ${size}`, async ({ engine, arrive, enter }) => {
      test.setTimeout(120_000)
      const options = { colorScheme, viewport }
      const newcomer = await arrive('201', options)
      const save = async (person: Person, name: string): Promise<void> => {
        await person.page.evaluate(() => Promise.allSettled(document.getAnimations().map((a) => a.effect?.getComputedTiming().iterations === Infinity || a.finished)))
        await person.page.screenshot({ path: `${folder}/${colorScheme}-${size}-${name}.png` })
      }
      await newcomer.page.goto(engine.url)
      await expect(newcomer.page.getByRole('button', { name: 'Sign in' })).toBeVisible()
      await save(newcomer, 'sign-in')
      const people = Object.entries(NAMES).map(([extension, name]) => ({ extension, name, password: 'shown' }))
      await newcomer.page.route('**/demo/people', (route) => route.fulfill({ json: people }))
      await newcomer.page.reload()
      await expect(newcomer.page.getByRole('button', { name: 'Jake Miller (201)' })).toBeVisible()
      await save(newcomer, 'sign-in-demo')
      await newcomer.signIn()
      await expect(newcomer.page.getByText('No conversations yet')).toBeVisible()
      await save(newcomer, 'nothing-yet')

      const jake = await office(engine, enter, options)
      const { page } = jake
      await save(jake, 'conversation')
      const back = page.getByRole('button', { name: 'Back to the list' })
      const toList = async (): Promise<void> => {
        if (await back.isVisible()) await back.click()
      }
      await toList()
      await save(jake, 'list')
      await page.getByRole('button', { name: 'New', exact: true }).click()
      await expect(page.getByRole('menuitem', { name: 'Chat' })).toBeVisible()
      await save(jake, 'menu')
      await page.getByRole('menuitem', { name: 'Chat' }).click()
      await expect(page.getByRole('option')).toHaveCount(3)
      await save(jake, 'chat-dialog')
      await page.keyboard.press('Escape')
      await expect(jake.dialog).toHaveCount(0)

      await page.getByRole('button', { name: 'New', exact: true }).click()
      await page.getByRole('menuitem', { name: 'Group' }).click()
      await jake.dialog.getByLabel('Name', { exact: true }).fill('Spring catalogue')
      await jake.pick('Ann Lee', 'Omar Haddad')
      await save(jake, 'group-dialog')
      await jake.dialog.getByRole('button', { name: 'Create' }).click()
      await expect(jake.log('Spring catalogue')).toBeVisible()
      await jake.say('The photographs are here, all of them')
      await jake.sentAll()
      const omar = await enter('203', options)
      await omar.open('Spring catalogue')
      await omar.say('Great. I take the chairs', 'And the lamps, if nobody minds')
      await omar.sentAll()
      const anns = await engine.client('202')
      await anns.sayIn('Spring catalogue', 'Then I do the tables')
      await jake.add('Zoë Brandt')
      await expect(jake.pill('Zoë Brandt (204) added by Jake Miller (201)')).toBeVisible()
      await jake.say('Zoë knows the printer, and when he needs it')
      await jake.sentAll()
      await expect(page.getByText('Read by Omar Haddad')).toBeVisible()
      await save(jake, 'group')
      for (const tool of ['Rename', 'Add', 'Leave'] as const) {
        await jake.tool(tool).click()
        await expect(jake.dialog).toBeVisible()
        await save(jake, tool.toLowerCase())
        await page.keyboard.press('Escape')
        await expect(jake.dialog).toHaveCount(0)
      }
      await page.getByRole('button', { name: '4 members' }).click()
      await expect(jake.dialog.getByRole('listitem')).toHaveCount(4)
      await jake.dialog.getByRole('button', { name: 'Remove Omar Haddad' }).click()
      await save(jake, 'members')
      await page.keyboard.press('Escape')
      await page.keyboard.press('Escape')
      await expect(jake.dialog).toHaveCount(0)

      await page.keyboard.press('Control+k')
      await jake.dialog.getByRole('combobox').fill('a')
      await expect(page.getByRole('option').first()).toBeVisible()
      await save(jake, 'jump')
      await page.keyboard.press('Escape')
      await expect(jake.dialog).toHaveCount(0)

      await anns.remove('Spring catalogue', '201')
      await expect(jake.notice('You were removed from Spring catalogue')).toBeVisible()
      await save(jake, 'removed')
      await page.getByRole('button', { name: 'Alerts' }).click()
      await expect(page.getByRole('menu')).toBeVisible()
      await save(jake, 'alerts')
      await page.keyboard.press('Escape')

      await jake.open('Ann Lee')
      await jake.offline()
      await jake.say('Written without a connection')
      await save(jake, 'reconnecting')
    })
  }
}

test('the picture of the README @readme', async ({ engine, enter }) => {
  const jake = await office(engine, enter, { colorScheme: 'light', viewport: { width: 1280, height: 720 } })
  await enter('203')
  await jake.page.reload()
  await jake.open('Ann Lee')
  await expect(jake.page.getByText('Read by Ann Lee')).toBeInViewport()
  await expect(jake.page.getByText('202 · online')).toBeVisible()
  await expect(jake.row('Omar Haddad').locator('.dot.online')).toBeVisible()
  await expect(jake.typing('Ann Lee')).toHaveCount(0)
  await jake.composer.blur()
  await jake.page.screenshot({ path: readme })
})
