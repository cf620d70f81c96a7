// Pictures to look at: `test-results/screens/`. With README_SCREENSHOT=1, the one of the README instead.
import type { BrowserContextOptions } from '@playwright/test'
import { resolve } from 'node:path'
import type { Engine } from './engine'
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
      const options = { colorScheme, viewport }
      const newcomer = await arrive('201', options)
      const save = (person: Person, name: string): Promise<Buffer> =>
        person.page.screenshot({ path: `${folder}/${colorScheme}-${size}-${name}.png` })
      await newcomer.page.goto(engine.url)
      await expect(newcomer.page.getByRole('button', { name: 'Sign in' })).toBeVisible()
      await save(newcomer, 'sign-in')

      const jake = await office(engine, enter, options)
      await save(jake, 'conversation')
      const back = jake.page.getByRole('button', { name: 'Back to the list' })
      if (await back.isVisible()) {
        await back.click()
        await save(jake, 'list')
      }
      await jake.page.getByRole('button', { name: 'New', exact: true }).click()
      await expect(jake.page.getByRole('menuitem', { name: 'Chat' })).toBeVisible()
      await save(jake, 'menu')
      await jake.page.getByRole('menuitem', { name: 'Chat' }).click()
      await expect(jake.page.getByRole('option')).toHaveCount(3)
      await save(jake, 'dialog')
      await jake.page.getByRole('option', { name: 'Ann Lee' }).click()
      await expect(jake.page.getByRole('dialog')).toHaveCount(0)
      await expect(jake.log('Ann Lee')).toBeVisible()
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
