import { html } from './html.js'
import { healthJson } from './health-json.js'
import { json } from './json.js'
import { openmetrics } from './openmetrics.js'
import { plain } from './plain.js'
import type { Roster } from '../../../types/fleet.js'
import type { Renderer } from '../../../types/renderer.js'

/** All formats of the roster. The first that a client accepts is used if the client has no preference. */
export const fleetRenderers: ReadonlyArray<Renderer<Roster>> = [html, json, plain, healthJson, openmetrics]
