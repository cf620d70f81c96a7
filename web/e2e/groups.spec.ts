import type { Person } from './person'
import { expect, test } from './test'

test('a group’s life, on the screens of all', async ({ enter }) => {
  const jake = await enter('201')
  const ann = await enter('202')
  const omar = await enter('203')

  await jake.group('Ops', 'Ann Lee')
  await expect(jake.pill('Group created by Jake Miller (201)')).toBeVisible()
  await expect(jake.composer).toBeFocused()
  await expect(ann.row('Ops')).toContainText('GROUP')
  await expect(ann.row('Ops')).not.toContainText('unread')
  await jake.say('The printer is down', 'Who has the number of the repair?')
  await expect(ann.row('Ops')).toContainText('2 unread')
  await ann.open('Ops')
  await ann.say('I call them')
  await expect(jake.text('I call them')).toBeVisible()
  await expect(omar.rows).toHaveCount(0)

  // Renamed: everywhere at once, the history says who.
  await ann.rename('Repairs')
  for (const person of [jake, ann]) {
    await expect(person.page.getByRole('heading', { name: 'Repairs' })).toBeVisible()
    await expect(person.row('Repairs')).toBeVisible()
    await expect(person.pill('Group renamed to Repairs by Ann Lee (202)')).toBeVisible()
  }

  // Added: he sees what was before, and nothing of it is unread.
  await jake.add('Omar Haddad')
  await expect(jake.page.getByRole('button', { name: '3 members' })).toBeVisible()
  await expect(omar.row('Repairs')).toBeVisible()
  await expect(omar.row('Repairs')).not.toContainText('unread')
  await expect(omar.page).toHaveTitle('Partyline')
  await omar.open('Repairs')
  await expect(omar.texts).toHaveText(['The printer is down', 'Who has the number of the repair?', 'I call them'])
  await expect(omar.pill('Omar Haddad (203) added by Jake Miller (201)')).toBeVisible()
  await omar.say('Here I am')
  await expect(ann.text('Here I am')).toBeVisible()
  await expect(jake.page.getByText(/Read by .*Omar Haddad/)).toBeVisible()

  // Removed: his screen says so, and shows nothing of it any more.
  await jake.remove('Omar Haddad')
  await expect(omar.notice('You were removed from Repairs')).toBeVisible()
  await expect(omar.page.getByRole('log')).toHaveCount(0)
  await expect(omar.composer).toHaveCount(0)
  await expect(omar.rows).toHaveCount(0)
  await ann.say('What he doesn’t hear')
  await expect(ann.pill('Omar Haddad (203) removed by Jake Miller (201)')).toBeVisible()
  await expect(ann.page.getByRole('button', { name: '2 members' })).toBeVisible()

  // Added again, everything is back.
  await ann.add('Omar Haddad')
  await expect(omar.row('Repairs')).not.toContainText('unread')
  await omar.open('Repairs')
  await expect(omar.notice('You were removed')).toHaveCount(0)
  await expect(omar.text('What he doesn’t hear')).toBeVisible()

  // Left: the one who went is told so, the others see it.
  await ann.leave()
  await expect(ann.notice('You left Repairs')).toBeVisible()
  await expect(ann.rows).toHaveCount(0)
  await expect(jake.pill('Ann Lee (202) left')).toBeVisible()
  await jake.say('Two of us')
  await expect(omar.text('Two of us')).toBeVisible()
  await ann.page.reload()
  await ann.isIn()
  await expect(ann.page.getByText('No conversations yet')).toBeVisible()
})

test('several type, and each is named', async ({ engine, enter }) => {
  await (await engine.client('201')).group('Ops', '202', '203', '204')
  const people = [await enter('201'), await enter('202'), await enter('203'), await enter('204')] as const
  const [jake, ann, omar, zoe] = people
  for (const person of people) await person.open('Ops')
  const types = (person: Person): Promise<void> => person.composer.pressSequentially('x')

  await types(ann)
  await expect(jake.notice('Ann Lee is typing…')).toBeVisible()
  await types(omar)
  await expect(jake.notice('Ann Lee and Omar Haddad are typing…')).toBeVisible()
  await types(zoe)
  await expect(jake.notice(/^Ann Lee, Omar Haddad and Zoë Brandt are typing…$/)).toBeVisible()
  await expect(ann.notice(/Omar Haddad and Zoë Brandt are typing…/)).toBeVisible()

  await omar.composer.press('Enter')
  await expect(jake.notice(/^Ann Lee and Zoë Brandt are typing…$/)).toBeVisible()
  await expect(jake.page.getByText('typing…')).toHaveCount(0)
})

test('two tabs of one person agree', async ({ enter }) => {
  const jake = await enter('201')
  const other = await jake.tab()
  await jake.group('Ops', 'Ann Lee', 'Omar Haddad')
  await other.open('Ops')
  await other.rename('Repairs')
  await expect(jake.page.getByRole('heading', { name: 'Repairs' })).toBeVisible()
  await other.say('From there')
  await expect(jake.text('From there')).toBeVisible()
  await jake.remove('Omar Haddad')
  await expect(other.page.getByRole('button', { name: '2 members' })).toBeVisible()
  expect(await jake.page.getByRole('log').innerText()).toBe(await other.page.getByRole('log').innerText())

  await jake.leave()
  for (const tab of [jake, other]) {
    await expect(tab.notice('You left Repairs')).toBeVisible()
    await expect(tab.rows).toHaveCount(0)
  }
})

test('who renames at the same moment: one name for all', async ({ engine, enter }) => {
  await (await engine.client('201')).group('Ops', '202')
  const jake = await enter('201')
  const ann = await enter('202')
  for (const person of [jake, ann]) {
    await person.open('Ops')
    await person.tool('Rename').click()
  }
  await jake.dialog.getByLabel('Name', { exact: true }).fill('By Jake')
  await ann.dialog.getByLabel('Name', { exact: true }).fill('By Ann')
  await Promise.all([jake, ann].map((p) => p.dialog.getByRole('button', { name: 'Rename' }).click()))
  for (const person of [jake, ann]) await expect(person.dialog).toHaveCount(0)

  const timeline = await (await engine.client('201')).timeline('By').catch(() => null)
  expect(timeline).toBeNull()
  const [last] = (await jake.page.getByRole('log').getByText(/^Group renamed to/).allTextContents()).slice(-1)
  const name = last!.includes('By Jake') ? 'By Jake' : 'By Ann'
  for (const person of [jake, ann]) {
    await expect(person.page.getByRole('log').getByText(/^Group renamed to/)).toHaveCount(2)
    await expect(person.page.getByRole('heading', { name })).toBeVisible()
    await expect(person.row(name)).toBeVisible()
  }
})

test('who adds the same person at the same moment: once, and no error', async ({ engine, enter }) => {
  await (await engine.client('201')).group('Ops', '202')
  const jake = await enter('201')
  const ann = await enter('202')
  for (const person of [jake, ann]) {
    await person.open('Ops')
    await person.tool('Add').click()
    await person.pick('Omar Haddad')
  }
  await Promise.all([jake, ann].map((p) => p.dialog.getByRole('button', { name: 'Add', exact: true }).click()))
  for (const person of [jake, ann]) {
    await expect(person.dialog).toHaveCount(0)
    await expect(person.page.getByRole('button', { name: '3 members' })).toBeVisible()
    await expect(person.page.getByRole('log').getByText(/^Omar Haddad \(203\) added by/)).toHaveCount(1)
  }
})

test('a dialog says what the engine refuses, and makes one group of two attempts', async ({ enter }) => {
  const jake = await enter('201')
  const ann = await enter('202')
  const { page, dialog } = jake
  await page.getByRole('button', { name: 'New', exact: true }).click()
  await page.getByRole('menuitem', { name: 'Group' }).click()
  const create = dialog.getByRole('button', { name: 'Create' })
  await expect(create).toBeDisabled()
  await dialog.getByLabel('Name', { exact: true }).fill('a'.repeat(81))
  await expect(create).toBeDisabled()
  await jake.pick('Ann Lee')
  await create.click()
  await expect(dialog.getByRole('alert')).toContainText('80')
  await dialog.getByLabel('Name', { exact: true }).fill('Ops')

  // The answer is lost on its way: what was made is there once.
  jake.line.deafen()
  await create.click()
  await expect(ann.row('Ops')).toBeVisible()
  jake.line.cut()
  await expect(dialog.getByRole('alert')).toHaveText('The engine can’t be reached.')
  jake.line.mend()
  await create.click()
  await expect(jake.log('Ops')).toBeVisible()
  await expect(jake.reconnecting).toHaveCount(0)
  await expect(jake.rows).toHaveCount(1)
  await expect(ann.rows).toHaveCount(1)
})

test('what changed while I was away is there when I am back', async ({ engine, enter }) => {
  const anns = await engine.client('202')
  await anns.group('Ops', '201', '203')
  await anns.group('Old', '201', '203')
  await anns.group('Gone', '201')
  const jake = await enter('201')
  await expect(jake.rows).toHaveCount(3)
  await jake.open('Ops')
  await jake.composer.fill('While I type')

  await jake.offline()
  await anns.rename('Ops', 'Repairs')
  await anns.add('Repairs', '204')
  await anns.remove('Repairs', '203')
  await anns.sayIn('Repairs', 'New here?')
  await anns.remove('Gone', '201')
  await anns.group('Made meanwhile', '201')
  await jake.composer.press('End')
  await jake.composer.pressSequentially(', the line goes')
  await jake.composer.press('Enter')

  await jake.online()
  await expect(jake.reconnecting).toHaveCount(0)
  await expect(jake.page.getByRole('heading', { name: 'Repairs' })).toBeVisible()
  await expect(jake.page.getByRole('button', { name: '3 members' })).toBeVisible()
  await expect(jake.pill('Zoë Brandt (204) added by Ann Lee (202)')).toBeVisible()
  await expect(jake.texts).toHaveText(['New here?', 'While I type, the line goes'])
  await expect(jake.row('Made meanwhile')).toBeVisible()
  await expect(jake.row('Gone')).toHaveCount(0)
  await expect(jake.rows).toHaveCount(3)
})

test('removed while away, from what was open: the screen says so', async ({ engine, enter }) => {
  const anns = await engine.client('202')
  await anns.group('Ops', '201')
  const jake = await enter('201')
  await jake.open('Ops')
  await jake.offline()
  await anns.remove('Ops', '201')
  await jake.online()
  await expect(jake.notice('You were removed from Ops')).toBeVisible()
  await expect(jake.page.getByRole('log')).toHaveCount(0)
  await expect(jake.rows).toHaveCount(0)
})

test('removed while writing: the composer goes, and what was written is there when one is back', async ({ engine, enter }) => {
  const anns = await engine.client('202')
  await anns.group('Ops', '201')
  const jake = await enter('201')
  await jake.open('Ops')
  await jake.composer.fill('Half a sentence')
  await anns.remove('Ops', '201')
  await expect(jake.notice('You were removed from Ops')).toBeVisible()
  await expect(jake.composer).toHaveCount(0)
  await jake.page.getByRole('button', { name: 'Dismiss' }).click()
  await expect(jake.notice('You were removed')).toHaveCount(0)

  await anns.rename('Ops', 'Ops again')
  await anns.add('Ops again', '201')
  await jake.open('Ops again')
  await expect(jake.composer).toHaveValue('Half a sentence')
})

test('the list of members: who is there, live, and searched when they are many', async ({ engine, enter }) => {
  const numbers = Array.from({ length: 230 }, (_, i) => `${1000 + i}`)
  await Promise.all(numbers.map((n) => engine.provisionBare(n, `Colleague ${n}`)))
  const jakes = await engine.client('201')
  await jakes.group('Everybody', '202', ...numbers)
  const jake = await enter('201')
  await jake.open('Everybody')
  await jake.page.getByRole('button', { name: '232 members' }).click()
  const list = jake.dialog.getByRole('list', { name: 'Members' })
  const item = (name: string): ReturnType<typeof list.getByRole> => list.getByRole('listitem').filter({ hasText: name })
  await expect(item('Ann Lee')).toContainText('offline')
  await expect(item('Ann Lee')).toHaveAttribute('aria-setsize', '232')
  expect(await list.getByRole('listitem').count()).toBeLessThan(40)
  const ann = await enter('202')
  await expect(item('Ann Lee')).toContainText('online')
  await expect(ann.row('Everybody')).toBeVisible()

  await jake.dialog.getByRole('searchbox', { name: 'Search members' }).fill('1229')
  await expect(list.getByRole('listitem')).toHaveCount(1)
  await engine.provisionBare('1229', 'Björn')
  await expect(item('Björn')).toBeVisible()
  await jake.dialog.getByRole('searchbox').fill('bjorn')
  await expect(item('Björn')).toBeVisible()

  // Another removes somebody, and adds somebody: the list follows.
  await (await engine.client('202')).remove('Everybody', '1229')
  await expect(item('Björn')).toHaveCount(0)
  await (await engine.client('202')).add('Everybody', '204')
  await jake.dialog.getByRole('searchbox').fill('zoe')
  await expect(item('Zoë Brandt')).toBeVisible()
  await item('Zoë Brandt').getByRole('button', { name: 'Remove Zoë Brandt' }).click()
  await expect(jake.dialog.getByText('Remove Zoë Brandt?')).toBeVisible()
  await jake.page.keyboard.press('Escape')
  await expect(jake.dialog.getByRole('button', { name: 'Remove Zoë Brandt' })).toBeFocused()
  await jake.page.keyboard.press('Enter')
  await expect(jake.dialog.getByRole('button', { name: 'Remove', exact: true })).toBeFocused()
  await jake.page.keyboard.press('Enter')
  await expect(item('Zoë Brandt')).toHaveCount(0)
  await expect(jake.dialog.getByText('231 members')).toBeVisible()
})

test('a group that is open keeps its place while others change it', async ({ engine, enter }) => {
  const anns = await engine.client('202')
  await anns.group('Ops', '201')
  const jake = await enter('201')
  await jake.open('Ops')
  await anns.sayIn('Ops', ...Array.from({ length: 60 }, (_, i) => `Line ${i + 1}`))
  await expect(jake.text('Line 60')).toBeInViewport()
  await anns.rename('Ops', 'Repairs')
  await anns.add('Repairs', '203')
  await expect(jake.pill('Omar Haddad (203) added by Ann Lee (202)')).toBeInViewport()
  await expect(jake.row('Repairs')).not.toContainText('unread')
})

test('what others do in the group takes nothing away from who fills in a dialog', async ({ engine, enter }) => {
  const anns = await engine.client('202')
  await anns.group('Ops', '201')
  const jake = await enter('201')
  await jake.open('Ops')
  await jake.tool('Add').click()
  await jake.pick('Omar Haddad')
  await anns.sayIn('Ops', 'Meanwhile')
  await anns.add('Ops', '204')
  await expect(jake.dialog.getByRole('option')).toHaveCount(0)
  await jake.dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(jake.pill('Omar Haddad (203) added by Jake Miller (201)')).toBeVisible()

  await jake.tool('Rename').click()
  await jake.dialog.getByLabel('Name', { exact: true }).fill('By me')
  await anns.rename('Ops', 'By Ann')
  await expect(jake.row('By Ann')).toBeVisible()
  await expect(jake.dialog.getByLabel('Name', { exact: true })).toHaveValue('By me')
  await jake.dialog.getByRole('button', { name: 'Rename' }).click()
  await expect(jake.page.getByRole('heading', { name: 'By me' })).toBeVisible()
})
