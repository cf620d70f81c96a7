import { expect, test } from './test'

test('a wrong password is refused without a word on which part was wrong', async ({ engine, arrive }) => {
  const { page } = await arrive('201')
  const refused = async (extension: string, password: string): Promise<string> => {
    await page.goto(engine.url)
    await page.getByLabel('Extension').fill(extension)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect(page.getByRole('alert')).toBeVisible()
    return page.getByRole('alert').innerText()
  }
  const wrongPassword = await refused('201', 'wrong-password')
  const nobody = await refused('999', 'wrong-password')
  expect(wrongPassword).toMatch(/extension or the password/i)
  expect(nobody).toBe(wrongPassword)

  await page.getByLabel('Extension').fill('201')
  await page.getByLabel('Password').fill('secret-201')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('heading', { name: 'Messages' })).toBeVisible()
})

test('signing out ends the session, and leaves nothing on the screen', async ({ engine, enter }) => {
  await (await engine.client('202')).say('201', 'Between us')
  const { page, ...jake } = await enter('201')
  await expect(page.getByText('Between us')).toBeVisible()
  const [cookie] = await jake.context.cookies()
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' })

  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible()
  await expect(page.getByText('Between us')).toHaveCount(0)
  await page.reload()
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible()
  await expect(engine.call(cookie!.value, 'GET', '/v1/me')).rejects.toThrow('401')
})

test('a session outlives a reload', async ({ enter }) => {
  const jake = await enter('201')
  await jake.page.reload()
  await jake.isIn()
  await expect(jake.page.getByText('Jake Miller (201)')).toBeVisible()
})

test('an extension that the PBX disables is at the sign-in form within seconds', async ({ engine, enter }) => {
  const jake = await enter('201')
  await engine.provision('201', { enabled: false })
  await expect(jake.page.getByRole('button', { name: 'Sign in' })).toBeVisible({ timeout: 3_000 })

  await jake.page.getByLabel('Extension').fill('201')
  await jake.page.getByLabel('Password').fill('secret-201')
  await jake.page.getByRole('button', { name: 'Sign in' }).click()
  await expect(jake.page.getByRole('alert')).toBeVisible()

  await engine.provision('201')
  await jake.page.getByRole('button', { name: 'Sign in' }).click()
  await jake.isIn()
})

test('an engine that can’t be reached is said at the form', async ({ engine, arrive }) => {
  const jake = await arrive('201')
  await jake.page.goto(engine.url)
  await jake.page.getByLabel('Extension').fill('201')
  await jake.page.getByLabel('Password').fill('secret-201')
  jake.line.cut()
  await jake.page.getByRole('button', { name: 'Sign in' }).click()
  await expect(jake.page.getByRole('alert')).toHaveText('The engine can’t be reached.')

  jake.line.mend()
  await jake.page.getByRole('button', { name: 'Sign in' }).click()
  await jake.isIn()
})
