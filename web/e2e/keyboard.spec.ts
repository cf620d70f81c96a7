import { password } from './engine'
import { expect, test } from './test'

test('from signing in to a sent message without a mouse', async ({ engine, arrive, enter }) => {
  const ann = await enter('202')
  const jake = await arrive('201')
  const { page } = jake
  const { keyboard } = page
  await page.goto(engine.url)
  await expect(page.getByLabel('Extension')).toBeFocused()
  await keyboard.type('201')
  await keyboard.press('Tab')
  await expect(page.getByLabel('Password')).toBeFocused()
  await keyboard.type(password('201'))
  await keyboard.press('Enter')
  await jake.isIn()

  for (const stop of [
    page.getByRole('tab', { name: 'Messages' }),
    page.getByRole('button', { name: 'Alerts' }),
    page.getByRole('button', { name: 'Sign out' }),
    page.getByRole('button', { name: 'New', exact: true }),
  ]) {
    await keyboard.press('Tab')
    await expect(stop).toBeFocused()
  }
  await keyboard.press('Enter')
  await expect(page.getByRole('menuitem', { name: 'Chat' })).toBeFocused()
  await keyboard.press('Enter')
  const box = page.getByRole('combobox', { name: 'Name or number' })
  await expect(box).toBeFocused()

  const chosen = page.getByRole('option', { selected: true })
  await expect(chosen).toContainText('Ann Lee')
  await keyboard.press('ArrowDown')
  await expect(chosen).toContainText('Omar Haddad')
  await keyboard.press('ArrowUp')
  await keyboard.press('ArrowUp')
  await expect(chosen).toContainText('Zoë Brandt')
  await keyboard.type('ann')
  await expect(page.getByRole('option')).toHaveCount(1)
  await keyboard.press('Enter')

  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(jake.log('Ann Lee')).toBeVisible()
  await expect(jake.composer).toBeFocused()
  await keyboard.type('By hand')
  await keyboard.press('Enter')
  await expect(ann.row('Jake Miller')).toContainText('By hand')
  await expect(jake.composer).toBeFocused()
})

test('Esc closes the menu and the dialog, and the focus is where it was', async ({ enter }) => {
  const { page } = await enter('201')
  const button = page.getByRole('button', { name: 'New', exact: true })
  await button.focus()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('menu')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('menu')).toHaveCount(0)
  await expect(button).toBeFocused()

  await page.keyboard.press('Enter')
  await page.getByRole('menuitem', { name: 'Chat' }).press('Enter')
  await expect(page.getByRole('dialog')).toBeVisible()
  await expect(page.getByRole('combobox')).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(button).toBeFocused()
})

test('arrows move in the list, Enter opens', async ({ engine, enter }) => {
  for (const number of ['204', '203', '202'] as const) await (await engine.client(number)).say('201', 'Hi')
  const jake = await enter('201')
  await expect(jake.rows).toContainText(['Ann Lee', 'Omar Haddad', 'Zoë Brandt'])

  const { keyboard } = jake.page
  await jake.page.getByRole('button', { name: 'Needs a reply' }).focus()
  await keyboard.press('Tab')
  await expect(jake.row('Ann Lee').getByRole('button')).toBeFocused()
  await keyboard.press('ArrowDown')
  await expect(jake.row('Omar Haddad').getByRole('button')).toBeFocused()
  await keyboard.press('ArrowDown')
  await expect(jake.row('Zoë Brandt').getByRole('button')).toBeFocused()
  await keyboard.press('ArrowDown')
  await expect(jake.row('Zoë Brandt').getByRole('button')).toBeFocused()
  await keyboard.press('ArrowUp')
  await keyboard.press('Enter')
  await expect(jake.log('Omar Haddad')).toBeVisible()
  await expect(jake.composer).toBeFocused()
})

test('what has the focus has a ring', async ({ engine, enter }) => {
  await (await engine.client('202')).say('201', 'Hi')
  const jake = await enter('201')
  await jake.open('Ann Lee')
  const stops = [
    jake.page.getByRole('tab', { name: 'Messages' }),
    jake.page.getByRole('button', { name: 'Alerts' }),
    jake.page.getByRole('button', { name: 'Sign out' }),
    jake.page.getByRole('button', { name: 'New', exact: true }),
    jake.page.getByRole('searchbox', { name: 'Filter conversations' }),
    jake.page.getByRole('button', { name: 'All', exact: true }),
    jake.page.getByRole('button', { name: 'Unread', exact: true }),
    jake.page.getByRole('button', { name: 'Needs a reply' }),
    jake.row('Ann Lee').getByRole('button'),
    jake.log('Ann Lee'),
    jake.composer,
  ]
  // Whoever uses the keys is shown where they are.
  await jake.composer.press('ArrowLeft')
  await stops[0]!.focus()
  for (const stop of stops) {
    await expect(stop).toBeFocused()
    await expect(stop).toHaveCSS('outline-style', 'solid')
    await jake.page.keyboard.press('Tab')
  }
})

test('the timeline scrolls by keys', async ({ engine, enter }) => {
  await (await engine.client('202')).say('201', ...Array.from({ length: 40 }, (_, i) => `Line ${i + 1}`))
  const jake = await enter('201')
  await jake.open('Ann Lee')
  await expect(jake.text('Line 40')).toBeInViewport()
  await jake.log('Ann Lee').focus()
  await jake.page.keyboard.press('Home')
  await expect(jake.text('Line 1')).toBeInViewport()
})

test('a group from its beginning to its end without a mouse', async ({ engine, enter }) => {
  const jake = await enter('201')
  const ann = await enter('202')
  const { page, dialog } = jake
  const { keyboard } = page
  await page.getByRole('button', { name: 'New', exact: true }).focus()
  await keyboard.press('Enter')
  await keyboard.press('ArrowDown')
  await expect(page.getByRole('menuitem', { name: 'SMS' })).toBeFocused()
  await keyboard.press('ArrowDown')
  await expect(page.getByRole('menuitem', { name: 'Group' })).toBeFocused()
  await keyboard.press('Enter')
  await expect(dialog.getByLabel('Name', { exact: true })).toBeFocused()
  await keyboard.type('Ops')
  await keyboard.press('Tab')

  // Names become chips, and Backspace takes the last away.
  const chips = dialog.getByRole('button', { name: /^Take .* off the list$/ })
  const chosen = dialog.getByRole('option', { selected: true })
  await keyboard.type('ann')
  await expect(chosen).toContainText('Ann Lee')
  await keyboard.press('Enter')
  await expect(chips).toHaveCount(1)
  await keyboard.type('zo')
  await expect(chosen).toContainText('Zoë Brandt')
  await keyboard.press('Enter')
  await expect(chips).toHaveCount(2)
  await keyboard.press('Backspace')
  await expect(chips).toHaveCount(1)
  await expect(dialog.getByText('You and 1 more')).toBeVisible()
  await keyboard.press('Tab')
  await expect(dialog.getByRole('button', { name: 'Create' })).toBeFocused()
  await keyboard.press('Enter')
  await expect(jake.log('Ops')).toBeVisible()
  await expect(jake.composer).toBeFocused()
  await keyboard.type('By hand')
  await keyboard.press('Enter')
  await expect(ann.row('Ops')).toContainText('By hand')

  // Back to the head: the timeline, Leave, Add, Rename.
  for (const stop of [jake.log('Ops'), jake.tool('Leave'), jake.tool('Add'), jake.tool('Rename')]) {
    await keyboard.press('Shift+Tab')
    await expect(stop).toBeFocused()
  }
  await keyboard.press('Enter')
  await expect(dialog.getByLabel('Name', { exact: true })).toBeFocused()
  await keyboard.type('Repairs')
  await keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'Repairs' })).toBeVisible()
  await expect(jake.tool('Rename')).toBeFocused()

  await keyboard.press('Tab')
  await keyboard.press('Enter')
  await expect(dialog.getByRole('combobox', { name: 'Members' })).toBeFocused()
  await expect(dialog.getByRole('option')).toHaveCount(2)
  await keyboard.type('omar')
  await expect(chosen).toContainText('Omar Haddad')
  await keyboard.press('Enter')
  await keyboard.press('Tab')
  await keyboard.press('Enter')
  await expect(page.getByRole('button', { name: '3 members' })).toBeVisible()
  await expect(jake.composer).toBeFocused()

  await page.getByRole('button', { name: '3 members' }).focus()
  await keyboard.press('Enter')
  await expect(dialog.getByRole('listitem')).toHaveCount(3)
  await dialog.getByRole('button', { name: 'Remove Omar Haddad' }).focus()
  await keyboard.press('Enter')
  await expect(dialog.getByRole('button', { name: 'Remove', exact: true })).toBeFocused()
  await keyboard.press('Enter')
  await expect(dialog.getByRole('listitem')).toHaveCount(2)
  await expect(dialog.getByRole('list', { name: 'Members' })).toBeFocused()
  await keyboard.press('Escape')
  await expect(page.getByRole('button', { name: '2 members' })).toBeFocused()

  await jake.tool('Leave').focus()
  await keyboard.press('Enter')
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused()
  await keyboard.press('Tab')
  await keyboard.press('Enter')
  await expect(jake.notice('You left Repairs')).toBeVisible()
  await expect(page.getByRole('button', { name: 'New', exact: true })).toBeFocused()
  expect(await (await engine.client('202')).timeline('Repairs')).toContain('Jake Miller (201) left')
})

test('where list and conversation are two screens, Esc goes back, and the focus is on the row', async ({ engine, enter }) => {
  for (const number of ['203', '202'] as const) await (await engine.client(number)).say('201', 'Hi')
  const jake = await enter('201', { viewport: { width: 360, height: 740 } })
  await jake.open('Omar Haddad')
  await expect(jake.composer).toBeFocused()
  await jake.page.keyboard.press('Escape')
  await expect(jake.page.getByRole('log')).toHaveCount(0)
  await expect(jake.row('Omar Haddad').getByRole('button')).toBeFocused()
})
