import { mount } from 'svelte'
import App from './App.svelte'
import './style/base.css'
import './style/sign-in.css'
import './style/frame.css'
import './style/list.css'
import './style/conversation.css'
import './style/timeline.css'
import './style/dialogs.css'

mount(App, { target: document.body })
