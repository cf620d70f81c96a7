// Several companies on one engine: which one is meant is asked at the door, and nothing of the one is seen by the other.
import { clean, fitsIn, SCREENS } from './clean'
import { MAIN, password, type Engine } from './engine'
import type { Person } from './person'
import { expect, test } from './test'

const CUSTOMER = '+14045550199'
const ACMES = '+14045550180'

/** Acme, with a phone number, a customer, and Mia, who has Jake’s extension and password. */
async function acme(engine: Engine): Promise<string> {
  const key = engine.tenant('acme')
  const put = (path: string, body: unknown): Promise<unknown> => engine.call(key, 'PUT', `/v1/pbx/${path}`, body)
  await put(`numbers/${encodeURIComponent(ACMES)}`, { carrier: 'sim', label: 'Acme', sms_enabled: true })
  await put('phonebooks/customers', { name: 'Acme’s customers', source: 'manual' })
  await put('phonebooks/customers/contacts', [{ key: '1', name: 'Coyote', numbers: [CUSTOMER] }])
  await put('extensions/201', { name: 'Mia Acme', password: password('201'), caller_ids: [ACMES], phonebooks: ['customers'] })
  await put('extensions/202', { name: 'Road Runner', password: password('202') })
  return key
}

async function signIn({ page, engine }: Person, company: string, extension = '201'): Promise<void> {
  await page.goto(engine.url)
  await page.getByLabel('Company').fill(company)
  await page.getByLabel('Extension').fill(extension)
  await page.getByLabel('Password').fill(password(extension))
  await page.getByRole('button', { name: 'Sign in' }).click()
}

test('where there is one company, nobody is asked for it', async ({ engine, arrive }) => {
  const { page } = await arrive('201')
  await page.goto(engine.url)
  await expect(page.getByLabel('Extension')).toBeFocused()
  await expect(page.getByLabel('Company')).toHaveCount(0)
})

test('people of two companies sign in with the same extension, and see only their own', async ({ engine, arrive }) => {
  await engine.telephones()
  await engine.phonebook('customers', 'Customers', 'crm', { 'Anna Karenina': CUSTOMER })
  await engine.provision('201', { caller_ids: [MAIN], phonebooks: ['customers'] })
  await acme(engine)
  const jake = await arrive('201')
  const mia = await arrive('201')
  await signIn(jake, 'default')
  await signIn(mia, 'acme')
  await expect(jake.page.getByText('Jake Miller (201)')).toBeVisible()
  await expect(mia.page.getByText('Mia Acme (201)')).toBeVisible()

  await engine.text(CUSTOMER, 'To the company')
  await engine.text(CUSTOMER, 'To Acme', { to: ACMES })
  await expect(jake.row('Anna Karenina')).toContainText('To the company')
  await expect(mia.row('Coyote')).toContainText('To Acme')
  await expect(jake.rows).toHaveCount(1)
  await expect(mia.rows).toHaveCount(1)

  await mia.page.getByRole('button', { name: 'New', exact: true }).click()
  await mia.page.getByRole('menuitem', { name: 'Chat' }).click()
  await expect(mia.dialog.getByRole('option')).toHaveText([/Road Runner/])
  await mia.page.keyboard.press('Escape')
  await expect(mia.dialog).toHaveCount(0)
  for (const [person, theirs, others] of [
    [jake, 'Anna Karenina', 'Coyote'],
    [mia, 'Coyote', 'Anna Karenina'],
  ] as const) {
    await person.page.getByRole('tab', { name: 'Phonebook' }).click()
    await person.page.getByRole('searchbox', { name: 'Search contacts' }).fill('0199')
    const rows = person.page.getByRole('list', { name: 'Contacts' }).getByRole('listitem')
    await expect(rows).toHaveCount(1)
    await expect(rows).toContainText(theirs)
    await expect(person.page.getByText(others)).toHaveCount(0)
  }
})

test('the company is remembered, and the keys begin where something is missing', async ({ engine, arrive }) => {
  await acme(engine)
  const mia = await arrive('201')
  const { page } = mia
  await page.goto(engine.url)
  await expect(page.getByLabel('Company')).toBeFocused()
  await page.keyboard.type('acme')
  await page.keyboard.press('Tab')
  await page.keyboard.type('201')
  await page.keyboard.press('Tab')
  await page.keyboard.type(password('201'))
  await page.keyboard.press('Enter')
  await expect(page.getByText('Mia Acme (201)')).toBeVisible()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(page.getByLabel('Company')).toHaveValue('acme')
  await expect(page.getByLabel('Extension')).toBeFocused()
  await page.reload()
  await expect(page.getByLabel('Company')).toHaveValue('acme')
})

test('a company that isn’t there is refused in the words of a wrong password', async ({ engine, arrive }) => {
  await acme(engine)
  const jake = await arrive('201')
  const { page } = jake
  await signIn(jake, 'nobody-inc')
  const refusal = page.getByRole('alert')
  await expect(refusal).toBeVisible()
  const nowhere = await refusal.innerText()
  await page.getByLabel('Company').fill('acme')
  await page.getByLabel('Password').fill('not the password')
  const answered = page.waitForResponse('**/v1/login')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await answered
  await expect(refusal).toHaveText(nowhere)
  await page.getByLabel('Password').fill(password('201'))
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByText('Mia Acme (201)')).toBeVisible()
})

for (const [screen, options] of SCREENS) {
  test(`axe finds nothing where the company is asked for, ${screen}`, async ({ engine, arrive }) => {
    await acme(engine)
    const { page } = await arrive('201', options)
    await page.goto(engine.url)
    await expect(page.getByLabel('Company')).toBeVisible()
    await clean(page)
    await fitsIn(page)
  })
}
