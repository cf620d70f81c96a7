// Pictures to look at: `test-results/screens/`. With README_SCREENSHOT=1, the one of the README instead.
import type { BrowserContextOptions } from '@playwright/test'
import { resolve } from 'node:path'
import { NAMES, picture, type Engine } from './engine'
import type { Person } from './person'
import { expect, test } from './test'

const CUSTOMER = '+14045550199'
const SHOWN = '+1 404-555-0199'
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
    const save = async ({ page }: Person, name: string): Promise<void> => {
      await page.evaluate(() => Promise.allSettled(document.getAnimations().map((a) => a.effect?.getComputedTiming().iterations === Infinity || a.finished)))
      await page.screenshot({ path: `${folder}/${colorScheme}-${size}-${name}.png` })
    }

    test(`pictures, ${colorScheme}, ${size}`, async ({ engine, arrive, enter }) => {
      test.setTimeout(120_000)
      const options = { colorScheme, viewport }
      const newcomer = await arrive('201', options)
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

    test(`pictures of texts, ${colorScheme}, ${size}`, async ({ engine, enter }) => {
      test.setTimeout(120_000)
      await engine.telephones()
      await (await engine.client('202')).say('201', 'I am at the warehouse until four')
      const jake = await enter('201', { colorScheme, viewport })
      const { page, dialog } = jake
      const back = page.getByRole('button', { name: 'Back to the list' })
      const toList = async (): Promise<void> => {
        if (await back.isVisible()) await back.click()
      }
      const close = async (): Promise<void> => {
        await page.keyboard.press('Escape')
        await expect(dialog).toHaveCount(0)
      }

      await page.getByRole('button', { name: 'New', exact: true }).click()
      await page.getByRole('menuitem', { name: 'SMS' }).click()
      await dialog.getByLabel('Number').fill('(404) 555')
      await dialog.getByRole('button', { name: 'Open' }).click()
      await expect(dialog.getByRole('alert')).toBeVisible()
      await save(jake, 'sms-dialog')
      await close()

      await engine.text(CUSTOMER, 'Hi, is my order ready to pick up?')
      await jake.open(SHOWN)
      await jake.say('It is! We are open until six today.')
      await expect(jake.deliveries).toHaveText(['Delivered'])
      await engine.text(CUSTOMER, 'Is it this one?', { media: [await picture(page)] })
      await expect(page.getByRole('link', { name: 'Open the picture' }).getByRole('img')).toBeVisible()
      await jake.say('Exactly this one', 'Bring somebody who can carry it')
      await expect(jake.deliveries).toHaveText(['Delivered', 'Delivered'])
      await jake.composer.fill('We call it “The Throne”, because nobody who has sat down in it wants to get up again before it is dark')
      await expect(page.getByText('make this a Unicode text')).toBeVisible()
      await save(jake, 'sms')
      await jake.composer.fill('')
      await page.getByRole('button', { name: /^from/ }).click()
      await expect(page.getByRole('menu')).toBeVisible()
      await save(jake, 'sms-from')
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: 'More', exact: true }).click()
      await save(jake, 'sms-more')
      await page.getByRole('menuitem', { name: 'Asked me to stop' }).click()
      await save(jake, 'sms-stop')
      await dialog.getByRole('button', { name: 'Record' }).click()
      await expect(jake.closed('They asked for no more texts.')).toBeVisible()
      await save(jake, 'sms-opted-out')
      await jake.more('Takes texts again')
      await save(jake, 'sms-takes-again')
      await close()

      await toList()
      await jake.sms('+14045550000', '+1 404-555-0000')
      await jake.say('Your chair is ready', 'Shall we deliver it?')
      await expect(jake.retry).toHaveCount(2)
      await save(jake, 'sms-failed')
      await toList()
      await engine.text('PARCELCO', 'Your parcel arrives today between two and four')
      await expect(jake.row('PARCELCO')).toBeVisible()
      await jake.open('PARCELCO')
      await save(jake, 'sms-read-only')

      await toList()
      await page.getByRole('button', { name: 'New', exact: true }).click()
      await page.getByRole('menuitem', { name: 'Group' }).click()
      await dialog.getByLabel('Name', { exact: true }).fill('The move')
      await jake.pick('Ann Lee')
      const box = dialog.getByRole('combobox', { name: 'Members' })
      for (const number of ['(404) 555-0198', '404-555-0000', '4045550197']) {
        await box.fill(number)
        if (number.startsWith('404555')) await save(jake, 'mixed-group-dialog')
        await box.press('Enter')
      }
      await dialog.getByRole('button', { name: 'Create' }).click()
      await jake.say('The van comes at nine, the keys are at the front desk')
      await expect(jake.deliveries.first()).toHaveText('Delivered to 2 of 3 · 1 failed')
      await jake.deliveries.first().click()
      await jake.composer.fill('And please do not forget the boxes in the cellar. '.repeat(5))
      await expect(page.getByText('3 texts × 2 segments')).toBeVisible()
      await save(jake, 'mixed-group')
      await page.getByRole('button', { name: '5 members' }).click()
      await expect(dialog.getByRole('listitem')).toHaveCount(5)
      await save(jake, 'mixed-group-members')
      await close()
      await toList()
      await engine.text('+14045550177', 'Are you open on Sunday?')
      await expect(jake.row('+1 404-555-0177')).toBeVisible()
      await page.getByRole('button', { name: 'Needs a reply' }).click()
      await expect(jake.row('PARCELCO'), 'who can’t be answered waits for nothing').toHaveCount(0)
      await expect(jake.row('+1 404-555-0177')).toBeVisible()
      await save(jake, 'needs-reply')
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
