import { expect, test } from './test'

test('Ctrl+K jumps to a conversation by name, by number, and back', async ({ engine, enter }) => {
  for (const number of ['202', '203'] as const) await (await engine.client(number)).say('201', 'Hi')
  await (await engine.client('201')).group('Spring catalogue', '202')
  const jake = await enter('201')
  const { keyboard } = jake.page
  const box = jake.dialog.getByRole('combobox')
  const chosen = jake.dialog.getByRole('option', { selected: true })

  await jake.open('Ann Lee')
  await keyboard.press('Control+k')
  await expect(box).toBeFocused()
  await expect(jake.dialog.getByRole('option')).toHaveCount(3)
  await keyboard.type('spring')
  await expect(jake.dialog.getByRole('option')).toHaveCount(1)
  await expect(chosen).toContainText('2 members')
  await keyboard.press('Enter')
  await expect(jake.log('Spring catalogue')).toBeVisible()
  await expect(jake.dialog).toHaveCount(0)
  await expect(jake.composer).toBeFocused()

  await keyboard.press('Meta+k')
  await keyboard.type('203')
  await expect(chosen).toContainText('Omar Haddad')
  await keyboard.press('Enter')
  await expect(jake.log('Omar Haddad')).toBeVisible()

  // Esc leads back to where one was.
  await jake.composer.fill('Half')
  await keyboard.press('Control+k')
  await expect(box).toBeFocused()
  await keyboard.press('Escape')
  await expect(jake.dialog).toHaveCount(0)
  await expect(jake.composer).toBeFocused()
  await expect(jake.composer).toHaveValue('Half')
})

test('it finds what the list has not reached, and colleagues without a chat', async ({ engine, enter }) => {
  const jakes = await engine.client('201')
  await jakes.group('The very first', '202')
  for (let i = 0; i < 55; i++) await jakes.group(`Group ${i}`, '202')
  const jake = await enter('201')
  const { keyboard } = jake.page
  await expect(jake.row('Group 54')).toBeVisible()

  await keyboard.press('Control+k')
  await keyboard.type('very first')
  await expect(jake.dialog.getByRole('option')).toHaveCount(1)
  await keyboard.press('Enter')
  await expect(jake.log('The very first')).toBeVisible()
  await expect(jake.pill('Group created by Jake Miller (201)')).toBeVisible()

  await keyboard.press('Control+k')
  await keyboard.type('zo')
  await expect(jake.dialog.getByRole('option', { name: 'Zoë Brandt' })).toBeVisible()
  await keyboard.press('Enter')
  await expect(jake.log('Zoë Brandt')).toBeVisible()
  await expect(jake.composer).toBeFocused()
  await jake.say('First words')
  await expect(jake.row('Zoë Brandt')).toContainText('First words')

  await keyboard.press('Control+k')
  await keyboard.type('nobody at all')
  await expect(jake.dialog.getByText('Nothing by that name or number.')).toBeVisible()
})

test('arrows choose, the mouse too', async ({ engine, enter }) => {
  for (const number of ['204', '203', '202'] as const) await (await engine.client(number)).say('201', 'Hi')
  const jake = await enter('201')
  const { keyboard } = jake.page
  await expect(jake.rows).toHaveCount(3)
  await keyboard.press('Control+k')
  const chosen = jake.dialog.getByRole('option', { selected: true })
  await expect(chosen).toContainText('Ann Lee')
  await expect(chosen).toContainText('1 unread')
  await keyboard.press('ArrowUp')
  await expect(chosen).toContainText('Zoë Brandt')
  await keyboard.press('ArrowDown')
  await keyboard.press('ArrowDown')
  await expect(chosen).toContainText('Omar Haddad')
  await jake.dialog.getByRole('option', { name: 'Zoë Brandt' }).click()
  await expect(jake.log('Zoë Brandt')).toBeVisible()
})
