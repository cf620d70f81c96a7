import { mount } from 'svelte'
import './style/base.css'

// The customer's phone is a page of its own: who opens it is not signed in, and needs nothing of the portal.
const page = location.pathname === '/phone' ? import('./phone/Phone.svelte') : import('./App.svelte')

void page.then(({ default: Page }) => mount(Page, { target: document.body }))
