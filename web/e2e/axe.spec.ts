import AxeBuilder from '@axe-core/playwright'
import type { BrowserContextOptions, Page } from '@playwright/test'
import { NAMES, PIXEL, type Engine } from './engine'
import type { Person } from './person'
import { expect, test } from './test'

async function clean(page: Page): Promise<void> {
  // What fades in has its colours only when it is there; what is taken away meanwhile is over as well.
  await page.evaluate(() =>
    Promise.allSettled(document.getAnimations().map((a) => a.effect?.getComputedTiming().iterations === Infinity || a.finished)),
  )
  const { violations } = await new AxeBuilder({ page }).analyze()
  const found = violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((n) => n.failureSummary ?? n.html) }))
  expect.soft(found).toEqual([])
}

/** An open conversation with bubbles on both sides and a link, and an unread row beside it. */
async function busy(engine: Engine, jake: Person): Promise<void> {
  const omar = await engine.client('203')
  await (await engine.client('202')).say('201', 'Hello', 'See https://example.com/about')
  await jake.open('Ann Lee')
  await jake.say('I have it')
  await jake.sentAll()
  await omar.say('201', 'Lunch?')
  if (await jake.page.getByRole('button', { name: 'Back to the list' }).isHidden()) {
    await expect(jake.row('Omar Haddad')).toContainText('1 unread')
  }
}

const screens: [string, BrowserContextOptions][] = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['light and 360 px wide', { colorScheme: 'light', viewport: { width: 360, height: 740 } }],
  ['dark and 360 px wide', { colorScheme: 'dark', viewport: { width: 360, height: 740 } }],
]

for (const [name, options] of screens) {
  test.describe(`axe finds nothing, ${name}:`, () => {
    test('signing in, refused and not', async ({ engine, arrive }) => {
      const { page } = await arrive('201', options)
      await page.goto(engine.url)
      await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible()
      await clean(page)
      await page.getByLabel('Extension').fill('201')
      await page.getByLabel('Password').fill('not the password')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await expect(page.getByRole('alert')).toBeVisible()
      await clean(page)
    })

    test('signing in to the demo', async ({ engine, arrive }) => {
      const { page } = await arrive('201', options)
      const people = Object.entries(NAMES).map(([extension, name]) => ({ extension, name, password: 'shown' }))
      await page.route('**/demo/people', (route) => route.fulfill({ json: people }))
      await page.goto(engine.url)
      await expect(page.getByRole('button', { name: 'Jake Miller (201)' })).toBeVisible()
      await clean(page)
    })

    test('nothing there yet', async ({ enter }) => {
      const jake = await enter('201', options)
      await expect(jake.page.getByText('No conversations yet.')).toBeVisible()
      await clean(jake.page)
    })

    test('the list and a conversation', async ({ engine, enter }) => {
      const jake = await enter('201', options)
      await busy(engine, jake)
      await clean(jake.page)
      await jake.composer.fill('x'.repeat(4_001))
      await jake.line.cut()
      await expect(jake.reconnecting).toBeVisible()
      await clean(jake.page)
      await jake.say('Waits')
      await expect(jake.page.getByText('Waiting for the connection')).toBeVisible()
      await clean(jake.page)

      const back = jake.page.getByRole('button', { name: 'Back to the list' })
      if (await back.isVisible()) {
        await back.click()
        await expect(jake.rows).toHaveCount(2)
        await clean(jake.page)
      }
    })

    test('a group and its dialogs, Ctrl+K, the alerts', async ({ engine, enter }) => {
      test.setTimeout(120_000)
      const anns = await engine.client('202')
      const colleagues = Array.from({ length: 22 }, (_, i) => `${1000 + i}`)
      for (const number of colleagues) await engine.provisionBare(number, `Colleague ${number}`)
      await anns.group('Spring catalogue', '201', '203', ...colleagues)
      const jake = await enter('201', options)
      const { page, dialog } = jake
      const close = async (): Promise<void> => {
        await page.keyboard.press('Escape')
        await expect(dialog).toHaveCount(0)
      }
      await jake.open('Spring catalogue')
      await anns.sayIn('Spring catalogue', 'The photographs are here')
      await jake.say('I take the chairs')
      await jake.sentAll()
      await clean(page)

      for (const tool of ['Rename', 'Add', 'Leave'] as const) {
        await jake.tool(tool).click()
        await expect(dialog).toBeVisible()
        if (tool === 'Add') await jake.pick('Zoë Brandt')
        await clean(page)
        if (tool === 'Rename') {
          await dialog.getByLabel('Name', { exact: true }).fill('a'.repeat(80))
          jake.line.cut()
          await dialog.getByRole('button', { name: 'Rename' }).click()
          await expect(dialog.getByRole('alert')).toBeVisible()
          await clean(page)
          jake.line.mend()
          await expect(jake.reconnecting).toHaveCount(0)
        }
        await close()
      }
      await page.getByRole('button', { name: '25 members' }).click()
      await expect(dialog.getByRole('listitem').first()).toBeVisible()
      await clean(page)
      await dialog.getByRole('searchbox').fill('omar')
      await dialog.getByRole('button', { name: 'Remove Omar Haddad' }).click()
      await clean(page)
      await dialog.getByRole('searchbox').fill('nobody of that name')
      await expect(dialog.getByRole('listitem')).toHaveCount(0)
      await clean(page)
      await close()

      await page.keyboard.press('Control+k')
      await expect(dialog.getByRole('option')).toHaveCount(1)
      await clean(page)
      await dialog.getByRole('combobox').fill('zo')
      await expect(dialog.getByRole('option')).toHaveCount(1)
      await clean(page)
      await close()

      await anns.remove('Spring catalogue', '201')
      await expect(jake.notice('You were removed from Spring catalogue')).toBeVisible()
      await clean(page)
      await page.getByRole('button', { name: 'Alerts' }).click()
      await expect(page.getByRole('menu')).toBeVisible()
      await clean(page)
      await page.keyboard.press('Escape')

      await page.getByRole('button', { name: 'New', exact: true }).click()
      await page.getByRole('menuitem', { name: 'Group' }).click()
      await expect(dialog.getByRole('option').first()).toBeVisible()
      await jake.pick('Ann Lee')
      await clean(page)
    })

    test('a thread with a customer, its menus and dialogs', async ({ engine, enter }) => {
      test.setTimeout(120_000)
      await engine.telephones()
      await engine.text('+14045550199', 'Is it this one?', { media: [PIXEL, 'no picture at all', 'data:application/pdf;base64,JVBERi0xLjQK'] })
      const jake = await enter('201', options)
      const { page, dialog } = jake
      await page.getByRole('button', { name: 'New', exact: true }).click()
      await page.getByRole('menuitem', { name: 'SMS' }).click()
      await dialog.getByLabel('Number').fill('404')
      await dialog.getByRole('button', { name: 'Open' }).click()
      await expect(dialog.getByRole('alert')).toBeVisible()
      await clean(page)
      await page.keyboard.press('Escape')
      await expect(dialog).toHaveCount(0)

      await jake.open('+1 404-555-0199')
      await expect(page.getByRole('link', { name: 'Open the picture' })).toBeVisible()
      await jake.say('Exactly')
      await expect(jake.deliveries).toHaveText(['Delivered'])
      await jake.composer.fill('“So it is”'.repeat(20))
      await expect(page.getByText('make this a Unicode text')).toBeVisible()
      await clean(page)
      await page.getByRole('button', { name: /^from/ }).click()
      await expect(page.getByRole('menuitemradio')).toHaveCount(2)
      await clean(page)
      await page.keyboard.press('Escape')
      await expect(page.getByRole('menu')).toHaveCount(0)
      await expect(jake.log('+1 404-555-0199')).toBeVisible()
      await page.getByRole('button', { name: 'More', exact: true }).click()
      await clean(page)
      await page.getByRole('menuitem', { name: 'Asked me to stop' }).click()
      await expect(dialog).toBeVisible()
      await clean(page)
      await dialog.getByRole('button', { name: 'Record' }).click()
      await expect(jake.closed('They asked for no more texts.')).toBeVisible()
      await clean(page)
      await jake.more('Takes texts again')
      await expect(dialog).toBeVisible()
      await clean(page)
    })

    test('a text that failed, and a group that reaches outside', async ({ engine, enter }) => {
      test.setTimeout(120_000)
      await engine.telephones()
      await (await engine.client('201')).group('The move', '202', '+14045550199', '+14045550000')
      const jake = await enter('201', options)
      const { page, dialog } = jake
      await jake.sms('+14045550000', '+1 404-555-0000')
      await jake.say('Are you there?')
      await expect(jake.retry).toBeVisible()
      await clean(page)
      const back = page.getByRole('button', { name: 'Back to the list' })
      if (await back.isVisible()) await back.click()
      await page.getByRole('button', { name: 'Needs a reply' }).click()
      await clean(page)
      await page.getByRole('button', { name: 'All', exact: true }).click()
      await jake.open('The move')
      await jake.say('Nine o’clock')
      await expect(jake.deliveries.first()).toHaveText('Delivered to 1 of 2 · 1 failed')
      await jake.deliveries.first().click()
      await jake.composer.fill('And bring the keys')
      await expect(page.getByText('2 texts × 1 segment')).toBeVisible()
      await clean(page)
      await page.getByRole('button', { name: '4 members' }).click()
      await expect(dialog.getByRole('listitem')).toHaveCount(4)
      await clean(page)
      await page.keyboard.press('Escape')
      await expect(dialog).toHaveCount(0)
      await jake.tool('Add').click()
      const box = dialog.getByRole('combobox', { name: 'Members' })
      await box.fill('(404) 555-0198')
      await expect(dialog.getByRole('option')).toHaveCount(1)
      await box.press('Enter')
      await box.fill('(404) 555-0197')
      await clean(page)
    })

    test('the menu of New, and the dialog of Chat', async ({ engine, enter }) => {
      await (await engine.client('202')).say('201', 'Hello')
      const { page } = await enter('201', options)
      await page.getByRole('button', { name: 'New', exact: true }).click()
      await expect(page.getByRole('menuitem', { name: 'Chat' })).toBeVisible()
      await clean(page)
      await page.getByRole('menuitem', { name: 'Chat' }).click()
      await expect(page.getByRole('option')).toHaveCount(3)
      await clean(page)
      await page.getByRole('combobox').fill('nobody of that name')
      await expect(page.getByRole('option')).toHaveCount(0)
      await clean(page)
    })
  })
}
