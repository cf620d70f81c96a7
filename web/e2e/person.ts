// Somebody at the portal, in a browser context of their own, finding things as people do: by role and name.
import { expect, type BrowserContext, type Locator, type Page } from '@playwright/test'
import { NAMES, password, type Engine, type Number } from './engine'
import type { Line } from './line'

export class Person {
  constructor(
    readonly engine: Engine,
    readonly number: Number,
    readonly context: BrowserContext,
    readonly page: Page,
    readonly line: Line,
  ) {}

  get name(): string {
    return NAMES[this.number]
  }

  async signIn(): Promise<void> {
    await this.page.goto(this.engine.url)
    await this.page.getByLabel('Extension').fill(this.number)
    await this.page.getByLabel('Password').fill(password(this.number))
    await this.page.getByRole('button', { name: 'Sign in' }).click()
    await this.isIn()
  }

  async isIn(): Promise<void> {
    await expect(this.page.getByRole('button', { name: 'Sign out' })).toBeVisible()
  }

  /** Another tab of the same browser. */
  async tab(): Promise<Person> {
    const other = new Person(this.engine, this.number, this.context, await this.context.newPage(), this.line)
    await other.page.goto(this.engine.url)
    await other.isIn()
    return other
  }

  // The list

  get rows(): Locator {
    return this.page.getByRole('list', { name: 'Conversations' }).getByRole('listitem')
  }

  row(name: string): Locator {
    return this.rows.filter({ hasText: name })
  }

  async open(name: string): Promise<void> {
    await this.row(name).getByRole('button').click()
    await expect(this.log(name)).toBeVisible()
  }

  /** New → Chat → the colleague. */
  async chat(name: string): Promise<void> {
    await this.page.getByRole('button', { name: 'New', exact: true }).click()
    await this.page.getByRole('menuitem', { name: 'Chat' }).click()
    await this.page.getByRole('option', { name }).click()
    await expect(this.log(name)).toBeVisible()
    await expect(this.dialog).toHaveCount(0)
  }

  /** New → SMS → a number, however it is written; it is shown as `name`. */
  async sms(number: string, name: string): Promise<void> {
    await this.page.getByRole('button', { name: 'New', exact: true }).click()
    await this.page.getByRole('menuitem', { name: 'SMS' }).click()
    await this.dialog.getByLabel('Number').fill(number)
    await this.dialog.getByRole('button', { name: 'Open' }).click()
    await expect(this.log(name)).toBeVisible()
    await expect(this.dialog).toHaveCount(0)
  }

  /** New → Group → its name and members. */
  async group(name: string, ...members: string[]): Promise<void> {
    await this.page.getByRole('button', { name: 'New', exact: true }).click()
    await this.page.getByRole('menuitem', { name: 'Group' }).click()
    await this.dialog.getByLabel('Name', { exact: true }).fill(name)
    await this.pick(...members)
    await this.dialog.getByRole('button', { name: 'Create' }).click()
    await expect(this.log(name)).toBeVisible()
    await expect(this.dialog).toHaveCount(0)
  }

  get dialog(): Locator {
    return this.page.getByRole('dialog')
  }

  /** In a dialog that asks for members. */
  async pick(...members: string[]): Promise<void> {
    for (const member of members) await this.dialog.getByRole('option', { name: member }).click()
  }

  // The conversation

  log(name: string): Locator {
    return this.page.getByRole('log', { name: `Messages in ${name}` })
  }

  /** The texts on the screen, oldest first. */
  get texts(): Locator {
    return this.page.getByRole('log').locator('.bubble')
  }

  text(text: string): Locator {
    return this.page.getByRole('log').getByText(text, { exact: true })
  }

  get composer(): Locator {
    return this.page.getByRole('textbox', { name: 'Message' })
  }

  async say(...texts: string[]): Promise<void> {
    for (const text of texts) {
      await this.composer.fill(text)
      await this.composer.press('Enter')
    }
  }

  typing(name: string): Locator {
    return this.page.getByRole('status').filter({ hasText: `${name} is typing…` })
  }

  /** All that is on the screen is also with the engine. */
  async sentAll(): Promise<void> {
    await expect(this.page.getByText(/^(Sending…|Waiting for the connection)$/)).toHaveCount(0)
  }

  // A group

  tool(name: 'Rename' | 'Add' | 'Leave'): Locator {
    return this.page.getByRole('group', { name: 'Group' }).getByRole('button', { name, exact: true })
  }

  async rename(to: string): Promise<void> {
    await this.tool('Rename').click()
    await this.dialog.getByLabel('Name', { exact: true }).fill(to)
    await this.dialog.getByRole('button', { name: 'Rename' }).click()
    await expect(this.dialog).toHaveCount(0)
  }

  async add(...members: string[]): Promise<void> {
    await this.tool('Add').click()
    await this.pick(...members)
    await this.dialog.getByRole('button', { name: 'Add', exact: true }).click()
    await expect(this.dialog).toHaveCount(0)
  }

  async remove(member: string): Promise<void> {
    await this.page.getByRole('button', { name: /^\d+ members?$/ }).click()
    await this.dialog.getByRole('button', { name: `Remove ${member}` }).click()
    await this.dialog.getByRole('button', { name: 'Remove', exact: true }).click()
    await expect(this.dialog.getByRole('listitem').filter({ hasText: member })).toHaveCount(0)
    await this.page.keyboard.press('Escape')
    await expect(this.dialog).toHaveCount(0)
  }

  async leave(): Promise<void> {
    await this.tool('Leave').click()
    await this.dialog.getByRole('button', { name: 'Leave' }).click()
    await expect(this.dialog).toHaveCount(0)
  }

  /** What is said of me or of the connection, calmly. */
  notice(text: string | RegExp): Locator {
    return this.page.getByRole('status').filter({ hasText: text })
  }

  /** Something the engine says in the timeline. */
  pill(text: string): Locator {
    return this.page.getByRole('log').getByText(text, { exact: true })
  }

  // Texts outside

  /** How far texts have come, under them. */
  get deliveries(): Locator {
    return this.page.getByRole('log').locator('.delivery')
  }

  get retry(): Locator {
    return this.page.getByRole('log').getByRole('button', { name: 'Retry' })
  }

  /** In the menu of a thread's head. */
  async more(item: 'Asked me to stop' | 'Takes texts again'): Promise<void> {
    await this.page.getByRole('button', { name: 'More', exact: true }).click()
    await this.page.getByRole('menuitem', { name: item }).click()
  }

  /** Said where nothing can be written. */
  closed(text: string): Locator {
    return this.page.getByRole('status').filter({ hasText: text })
  }

  // Queues

  /** Who waits in queues where this person is available. */
  get queue(): Locator {
    return this.page.getByRole('region', { name: 'Queue' })
  }

  waiting(name: string): Locator {
    return this.queue.getByRole('listitem').filter({ hasText: name })
  }

  /** Opens a waiting conversation to read it. */
  async read(name: string): Promise<void> {
    await this.waiting(name).getByRole('button', { name }).first().click()
    await expect(this.log(name)).toBeVisible()
  }

  async claim(name: string): Promise<void> {
    await this.waiting(name).getByRole('button', { name: 'Claim' }).click()
    await expect(this.log(name)).toBeVisible()
    await expect(this.composer).toBeVisible()
  }

  /** In the head of a queue's conversation. */
  step(name: 'Transfer' | 'Release' | 'Close'): Locator {
    return this.page.getByRole('group', { name: 'Queue' }).getByRole('button', { name, exact: true })
  }

  /** Which conversations the list shows. */
  async show(filter: 'All' | 'Closed' | 'Missed' | 'All queues'): Promise<void> {
    await this.page.getByRole('group', { name: 'Show' }).getByRole('button', { name: filter, exact: true }).click()
  }

  // The network

  get reconnecting(): Locator {
    return this.page.getByRole('status').filter({ hasText: 'Reconnecting…' })
  }

  /** The network goes: connections break, and the browser says so. */
  async offline(): Promise<void> {
    this.line.cut()
    await this.context.setOffline(true)
    await expect(this.reconnecting).toBeVisible()
  }

  async online(): Promise<void> {
    this.line.mend()
    await this.context.setOffline(false)
  }
}
