// The Phonebook: which ones are mine, who is in them, and the sign that texts them.
import type { Locator } from '@playwright/test'
import { clean, fitsIn, SCREENS } from './clean'
import { MAIN, SALES, type Engine } from './engine'
import type { Person } from './person'
import { expect, test } from './test'

const ANN = '+14045550199'

async function books(engine: Engine): Promise<void> {
  await engine.telephones()
  await engine.phonebook('customers', 'Customers', 'crm', {
    'Anna Karenina': ANN,
    'Jürgen Müller': ['+14045550142', '+493012345678'],
    'Zoë Quinn': '+14045550143',
  })
  await engine.phonebook('cnam', 'Caller names', 'cnam', { 'GARDEN SUPPLY': '+14045550145' })
  await engine.provision('201', { caller_ids: [MAIN, SALES], phonebooks: ['customers', 'cnam'] })
}

/** The Phonebook of somebody. */
class Book {
  private constructor(readonly person: Person) {}

  static async of(person: Person): Promise<Book> {
    await person.page.getByRole('tab', { name: 'Phonebook' }).click()
    await expect(person.page.getByRole('heading', { name: 'Phonebook', level: 2 })).toBeVisible()
    return new Book(person)
  }

  get rows(): Locator {
    return this.person.page.getByRole('list', { name: 'Contacts' }).getByRole('listitem')
  }

  row(name: string): Locator {
    return this.rows.filter({ hasText: name })
  }

  get search(): Locator {
    return this.person.page.getByRole('searchbox', { name: 'Search contacts' })
  }

  /** One of the phonebooks, or Recent. */
  book(name: string): Locator {
    return this.person.page.getByRole('group', { name: 'Phonebooks' }).getByRole('button', { name })
  }

  text(name: string): Locator {
    return this.person.page.getByRole('button', { name })
  }
}

test('a contact is found by the last four digits and texted, and the phone receives it', async ({ engine, enter }) => {
  await books(engine)
  const jake = await enter('201')
  const book = await Book.of(jake)
  await book.search.fill('0199')
  await expect(book.rows).toHaveCount(1)
  await expect(book.rows).toContainText('Anna Karenina')
  await expect(book.rows).toContainText('Phonebook Customers')
  await book.text('Text Anna Karenina at +1 404-555-0199').click()
  await expect(jake.log('Anna Karenina')).toBeVisible()
  await expect(jake.page.getByText('from +1 404-555-0100 · Main line'), 'from my default').toBeVisible()
  await expect(jake.composer).toBeFocused()
  await jake.say('Your order is ready')
  await expect(jake.deliveries).toHaveText(['Delivered'])
  expect(await engine.received(ANN)).toEqual(['Your order is ready'])

  // The thread that is there is opened again, and the search is as it was left.
  await jake.page.getByRole('tab', { name: 'Phonebook' }).click()
  await expect(book.search).toHaveValue('0199')
  await book.text('Text Anna Karenina at +1 404-555-0199').click()
  await expect(jake.texts).toHaveText(['Your order is ready'])
  await expect(jake.rows).toHaveCount(1)
})

test('two phonebooks are told apart by name and source, and each shows who is in it', async ({ engine, enter }) => {
  await books(engine)
  const jake = await enter('201')
  const book = await Book.of(jake)
  await expect(book.book('Customers')).toContainText('CRM')
  await expect(book.book('Customers')).toContainText('3')
  await expect(book.book('Caller names')).toContainText('CNAM')
  await expect(book.book('Customers')).toHaveAttribute('aria-pressed', 'true')
  await expect(book.rows).toContainText(['Anna Karenina', 'Jürgen Müller', 'Zoë Quinn'])
  await expect(book.row('Jürgen Müller').getByRole('button')).toHaveCount(2)
  await expect(book.text('Text Jürgen Müller at +49 301 234 5678')).toBeVisible()
  await book.book('Caller names').click()
  await expect(book.rows).toHaveCount(1)
  await expect(book.rows).toContainText('GARDEN SUPPLY')

  // Everything is searched, until one of them is chosen.
  await book.search.fill('0')
  await expect(book.rows).toHaveCount(5)
  await book.book('Customers').click()
  await expect(book.rows).toHaveCount(3)
  await book.book('Everywhere').click()
  await expect(book.rows).toHaveCount(5)
  await book.search.press('Escape')
  await expect(book.search).toHaveValue('')
  await expect(book.rows).toHaveCount(3)
})

test('who has no phonebook is told whom to ask, and sees recent calls and conversations', async ({ engine, enter }) => {
  await books(engine)
  const omar = await enter('203')
  const book = await Book.of(omar)
  await expect(omar.page.getByText('No phonebook is assigned to you: ask the administrator for one.')).toBeVisible()
  await expect(omar.page.getByText('You have no phone number with SMS: ask the administrator for one.')).toBeVisible()
  await expect(omar.page.getByText('Nobody yet: whom you call or text shows here.')).toBeVisible()

  await engine.called('1', '203', '+14045550160', 'WIRELESS CALLER')
  await engine.provision('203', { caller_ids: [SALES] })
  await expect(omar.page.getByText('You have no phone number with SMS')).toHaveCount(0)
  await expect(book.rows).toHaveCount(1)
  await expect(book.rows).toContainText('WIRELESS CALLER')
  await expect(book.rows).toContainText('Recent call')

  // One is assigned: it is there at once.
  await engine.provision('203', { caller_ids: [SALES], phonebooks: ['customers'] })
  await expect(book.book('Customers')).toBeVisible()
  await expect(book.row('Zoë Quinn')).toBeVisible()
  await expect(omar.page.getByText('No phonebook is assigned to you')).toHaveCount(0)
})

test('a text that is refused is said, and the Phonebook stays', async ({ engine, enter }) => {
  await books(engine)
  await engine.provision('203', { phonebooks: ['customers'] })
  const omar = await enter('203')
  const book = await Book.of(omar)
  await book.text('Text Zoë Quinn at +1 404-555-0143').click()
  await expect(omar.notice('+1 404-555-0143: ')).toContainText(/ask the administrator/i)
  await expect(book.rows).toHaveCount(3)
})

test('a number that nobody knows is texted from the Phonebook as well', async ({ engine, enter }) => {
  await books(engine)
  const jake = await enter('201')
  const book = await Book.of(jake)
  await book.search.fill('(404) 555-0123')
  await expect(jake.page.getByText('Nobody by that name or number.')).toBeVisible()
  await book.text('Text (404) 555-0123').click()
  await expect(jake.log('+1 404-555-0123')).toBeVisible()
})

test('what changes in a phonebook that is open shows at once', async ({ engine, enter }) => {
  await books(engine)
  const jake = await enter('201')
  const book = await Book.of(jake)
  await expect(book.rows).toHaveCount(3)
  await engine.contact('customers', '3', 'Aaron Quinn', '+14045550143')
  await expect(book.rows).toContainText(['Aaron Quinn', 'Anna Karenina', 'Jürgen Müller'])
  await engine.contact('customers', '9', 'Bert Brecht', '+14045550149')
  await expect(book.rows).toHaveCount(4)
  await expect(book.book('Customers')).toContainText('4')
  await engine.pbx('PUT', '/v1/pbx/phonebooks/customers/contacts', [])
  await expect(jake.page.getByText('Nobody in Customers yet.')).toBeVisible()
})

test('5,000 contacts: only what is in view is in the page, all can be reached, and it scrolls smoothly', async ({ engine, enter }) => {
  test.setTimeout(120_000)
  const name = (n: number): string => `Customer ${String(n).padStart(4, '0')}`
  await engine.telephones()
  const people = Array.from({ length: 5_000 }, (_, i) => [name(i + 1), `+1404600${String(i + 1).padStart(4, '0')}`])
  await engine.phonebook('large', 'Large', 'crm', Object.fromEntries(people) as Record<string, string>)
  await engine.provision('201', { caller_ids: [MAIN], phonebooks: ['large'] })
  const jake = await enter('201')
  const { page } = jake
  const book = await Book.of(jake)
  await expect(book.rows.first()).toContainText(name(1))
  await expect(book.book('Large')).toContainText('5,000')
  const list = page.getByRole('list', { name: 'Contacts' })
  /** Down until that row is in the page; answers the most rows that were, and the longest task in milliseconds. */
  const down = (to: string): Promise<{ most: number; longest: number }> =>
    list.evaluate(async (list, to) => {
      const tasks: number[] = []
      const observer = new PerformanceObserver((seen) => seen.getEntries().forEach((e) => tasks.push(e.duration)))
      observer.observe({ type: 'longtask' })
      let most = 0
      for (let i = 0; i < 4_000 && !list.textContent?.includes(to); i++) {
        list.scrollTop += 500
        await new Promise((done) => requestAnimationFrame(done))
        most = Math.max(most, list.querySelectorAll('[role=listitem]').length)
      }
      observer.disconnect()
      return { most, longest: Math.max(0, ...tasks) }
    }, to)
  const few = await down(name(400))
  const many = await down(name(5_000))
  console.log(`the most rows in the page: ${many.most}; the longest task: ${Math.round(few.longest)} ms, then ${Math.round(many.longest)} ms`)
  expect(many.most).toBeLessThan(60)
  // Ten times as much may not take longer; a machine may be busy.
  expect(many.longest).toBeLessThan(200 + 3 * few.longest)
  await list.evaluate((list) => (list.scrollTop = 0))
  await expect(book.rows.first()).toHaveAttribute('aria-setsize', '5000')
  await expect(book.row(name(1))).toBeInViewport()

  await book.search.fill('4999')
  await expect(book.row(name(4_999))).toBeVisible()
  await book.search.fill('')
  await expect(book.rows.first()).toHaveAttribute('aria-setsize', '5000')
  await book.search.press('ArrowDown')
  await page.keyboard.press('End')
  await expect(book.row(name(5_000))).toBeInViewport()
})

test('all of it without a mouse', async ({ engine, enter }) => {
  await books(engine)
  const jake = await enter('201')
  const { page } = jake
  const { keyboard } = page
  await page.getByRole('tab', { name: 'Messages' }).focus()
  await keyboard.press('ArrowDown')
  await expect(page.getByRole('tab', { name: 'Phonebook' })).toBeFocused()
  const book = await Book.of(jake)
  await expect(book.rows).toHaveCount(3)
  await page.getByRole('tab', { name: 'Phonebook' }).focus()
  for (const stop of [
    page.getByRole('button', { name: 'Alerts' }),
    page.getByRole('button', { name: 'Sign out' }),
    book.search,
    book.book('Recent'),
    book.book('Customers'),
    book.book('Caller names'),
    book.text('Text Anna Karenina at +1 404-555-0199'),
  ]) {
    await keyboard.press('Tab')
    await expect(stop).toBeFocused()
    await expect(stop).toHaveCSS('outline-style', 'solid')
  }
  // From number to number.
  await keyboard.press('ArrowDown')
  await expect(book.row('Jürgen Müller').getByRole('button').first()).toBeFocused()
  await keyboard.press('ArrowDown')
  await expect(book.row('Jürgen Müller').getByRole('button').last()).toBeFocused()
  await keyboard.press('ArrowDown')
  await expect(book.text('Text Zoë Quinn at +1 404-555-0143')).toBeFocused()
  await keyboard.press('ArrowDown')
  await expect(book.text('Text Zoë Quinn at +1 404-555-0143')).toBeFocused()
  await keyboard.press('Home')
  await expect(book.text('Text Anna Karenina at +1 404-555-0199')).toBeFocused()

  await book.search.focus()
  await keyboard.type('muller')
  await expect(book.rows).toHaveCount(2)
  await keyboard.press('Enter')
  await expect(book.rows.first().getByRole('button')).toBeFocused()
  await keyboard.press('Enter')
  await expect(jake.log('Jürgen Müller')).toBeVisible()
  await expect(jake.composer).toBeFocused()
})

for (const [screen, options] of SCREENS) {
  test(`axe finds nothing in the Phonebook and where contacts are picked, ${screen}`, async ({ engine, enter }) => {
    test.setTimeout(120_000)
    await books(engine)
    await engine.called('1', '201', '+14045550160', 'WIRELESS CALLER')
    await engine.text(ANN, 'Hello?')
    const jake = await enter('201', options)
    const { page, dialog } = jake
    const book = await Book.of(jake)
    const look = async (): Promise<void> => {
      await clean(page)
      await fitsIn(page)
    }
    await expect(book.rows).toHaveCount(3)
    await look()
    await book.book('Recent').click()
    await expect(book.rows).toHaveCount(2)
    await look()
    await book.search.fill('0')
    await expect(book.row('GARDEN SUPPLY')).toBeVisible()
    await look()
    await book.search.press('Enter')
    await look()
    await book.search.fill('nobody of that name')
    await expect(page.getByText('Nobody by that name or number.')).toBeVisible()
    await look()
    await page.getByRole('tab', { name: 'Messages' }).click()

    await page.getByRole('button', { name: 'New', exact: true }).click()
    await page.getByRole('menuitem', { name: 'SMS' }).click()
    const number = dialog.getByRole('combobox', { name: 'Number' })
    const found = dialog.getByRole('listbox').getByRole('option')
    await expect(found).toHaveCount(2)
    await look()
    await number.fill('0199')
    await expect(found).toHaveCount(1)
    await look()
    await number.fill('nobody of that name')
    await expect(dialog.getByText('Nobody by that name or number.')).toBeVisible()
    await look()
    await page.keyboard.press('Escape')
    await expect(dialog).toHaveCount(0)

    await page.getByRole('button', { name: 'New', exact: true }).click()
    await page.getByRole('menuitem', { name: 'Group' }).click()
    await dialog.getByRole('combobox').fill('a')
    await expect(dialog.getByRole('option').filter({ hasText: 'Anna Karenina' })).toBeVisible()
    await look()
    await dialog.getByRole('option').filter({ hasText: 'Anna Karenina' }).click()
    await expect(dialog.getByRole('button', { name: 'Take Anna Karenina off the list' })).toBeVisible()
    await look()
  })
}

test('who has no phonebook and no number finds nothing wrong either', async ({ engine, enter }) => {
  await engine.telephones()
  const omar = await enter('203', { viewport: { width: 360, height: 740 } })
  await Book.of(omar)
  await expect(omar.page.getByText('No phonebook is assigned to you')).toBeVisible()
  await clean(omar.page)
  await fitsIn(omar.page)
})
